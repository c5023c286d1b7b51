"""Hooks of Schemathesis: bodies that pass beyond the schema, and a server that stays as it was.

`AERIE_URL` is the server, `AERIE_STATUSES` the file that then says how often each operation was
answered with which status.
"""

import atexit
import collections
import json
import os
import random

import requests
import schemathesis

# What a schema cannot say: one of several fields must be there, texts have tokens, values fit each other.
MESSAGES = {
    "messages": [{"role": "user", "content": "Hi"}],
    "add_generation_prompt": None,
    "continue_final_message": None,
    "enable_thinking": None,
    "reasoning": None,
    "reasoning_effort": None,
    "thinking": None,
}
SAMPLING = {
    "best_of": None,
    "logit_bias": None,
    "max_tokens": 3,
    "min_new_tokens": None,
    "min_tokens": None,
    "model": "tiny",
    "n": 1,
    "prompt_logprobs": None,
    "stop_regex": "x+",
    "stop_token_ids": None,
    "stream_options": {"include_speculation": True},
}
CHAT = {**MESSAGES, **SAMPLING, "max_completion_tokens": None, "top_logprobs": None}
COMPLETION = {**SAMPLING, "cache_salt": None, "extra_key": None, "prompt": "Hi"}
GENERATE = {
    "cache_salt": None,
    "extra_key": None,
    "input_ids": None,
    "logprob_start_len": 0,
    "return_logprob": True,
    "return_speculation": True,
    "rid": None,
    "sampling_params": {"max_new_tokens": 3},
    "text": "Hi",
    "token_ids_logprob": [1, 2],
    "top_logprobs_num": 2,
}
RESPONSE = {
    "cache_salt": None,
    "extra_key": None,
    "input": "Hi",
    "max_output_tokens": 3,
    "model": "tiny",
    "previous_response_id": None,
    "reasoning": None,
    "stop": None,
    "text": None,
    "tool_choice": None,
    "tools": None,
}
ANTHROPIC = {
    "messages": [{"role": "user", "content": "Hi"}],
    "model": "tiny",
    "output_config": None,
    "output_format": None,
    "thinking": None,
    "tool_choice": None,
    "tools": None,
}
OLLAMA = {"format": None, "model": "tiny:latest", "options": {"num_predict": 3}, "think": None}
DETOKENIZE = {"model": "tiny", "tokens": [1, 2]}
PASSING = {
    "/generate": GENERATE,
    "/v1/chat/completions": CHAT,
    "/v1/chat/completions/render": CHAT,
    "/v1/responses": RESPONSE,
    "/v1/messages": {**ANTHROPIC, "max_tokens": 3},
    "/v1/messages/count_tokens": ANTHROPIC,
    "/api/chat": {**OLLAMA, "messages": [{"role": "user", "content": "Hi"}], "tools": None},
    "/api/generate": {**OLLAMA, "prompt": "Hi"},
    "/api/embed": {"dimensions": None, "input": ["Hi", "Ho"], "model": "tiny", "options": None},
    "/api/embeddings": {"model": "tiny", "options": None, "prompt": "Hi"},
    "/api/show": {"model": "tiny"},
    "/v1/completions": COMPLETION,
    "/v1/completions/render": COMPLETION,
    "/tokenize": {"messages": None, "model": "tiny", "prompt": "Hi"},
    "/v1/tokenize": {**MESSAGES, "add_special_tokens": None, "model": "tiny", "prompt": None},
    "/detokenize": DETOKENIZE,
    "/v1/detokenize": DETOKENIZE,
    "/v1/score": {
        "items": ["b", "c"],
        "label_token_ids": [1, 2],
        "model": "tiny",
        "query": "a",
        "temperature": None,
    },
}
# Known fields whose schema says more than is served.
UNSERVED = ("audio_", "bootstrap_", "custom_", "image_", "lora_", "mm_", "return_", "sampling_", "video_")

# What an operation needs before it, and what it did that would be in the way of others.
BEFORE = {"/stop_profile": ("/start_profile", {})}
AFTER = {
    "/pause_generation": ("/continue_generation", {}),
    "/start_profile": ("/stop_profile", None),
    "/set_internal_state": (
        "/set_internal_state",
        {
            "server_args": {
                "max_queued_per_client": -1,
                "max_queued_requests": 1024,
                "max_queued_tokens": -1,
                "max_step_ms": 100,
                "stream_interval": 1,
            }
        },
    ),
}

# Not by turns, which the order of the cases might share.
dice = random.Random(1)
statuses = collections.defaultdict(collections.Counter)


def ask(path, body):
    response = requests.post(os.environ["AERIE_URL"] + path, json=body, timeout=20)
    response.raise_for_status()
    return response


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes half of the bodies such as pass, whatever else is in it."""
    passing = PASSING.get(case.path)
    if passing is not None and isinstance(case.body, dict) and dice.random() < 0.5:
        rest = {name: value for name, value in case.body.items() if not name.startswith(UNSERVED)}
        case.body = {**rest, **passing}
    if "response_id" in (case.path_parameters or {}) and dice.random() < 0.5:
        stored = ask("/v1/responses", {"input": "Hi", "max_output_tokens": 1})
        case.path_parameters["response_id"] = stored.json()["id"]
    if case.path in BEFORE and case.method in ("GET", "POST"):
        ask(*BEFORE[case.path])


@schemathesis.hook
def after_call(context, case, response):
    """Counts the answer, and undoes what the operation did."""
    statuses[f"{case.method} {case.path}"][response.status_code] += 1
    if case.path in AFTER and response.status_code == 200:
        ask(*AFTER[case.path])


@atexit.register
def report():
    with open(os.environ["AERIE_STATUSES"], "w", encoding="utf-8") as file:
        json.dump(statuses, file)
