"""LiteLLM: what it does with text, through its OpenAI and vLLM providers."""

import litellm
from checks import api_key, check, model, run, url

litellm.suppress_debug_info = True
messages = [{"role": "user", "content": "Name three fruits."}]
greedy = {
    "api_base": f"{url}/v1",
    "api_key": api_key,
    "temperature": 0,
    "max_tokens": 12,
    "num_retries": 0,
}


def say(provider="openai", **fields):
    return litellm.completion(f"{provider}/{model}", **{"messages": messages, **greedy, **fields})


def text_of(**fields):
    return say(**fields).choices[0].message.content


@check
def completion():
    """a stream says what the whole answer says, by two providers"""
    text = text_of()
    assert text and text_of(provider="hosted_vllm") == text
    for provider in ("openai", "hosted_vllm"):
        chunks = list(say(provider, stream=True, stream_options={"include_usage": True}))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
        assert litellm.stream_chunk_builder(chunks).usage.completion_tokens == 12


@check
def parameters():
    """sampling fields, log-probabilities, n choices and reasoning_effort none"""
    fields = {"top_p": 0.5, "seed": 3, "n": 2, "stop": ["@@"], "logprobs": True, "top_logprobs": 2}
    assert len(say(**fields).choices) == 2
    neutral = {"reasoning_effort": "none", "allowed_openai_params": ["reasoning_effort"]}
    assert text_of(**neutral) == text_of()


@check
def cache_control():
    """parts with cache_control, as for Anthropic's models"""
    part = {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}
    assert text_of(messages=[{"role": "system", "content": [part]}, *messages], provider="hosted_vllm")


@check
def text_completion():
    """a text is completed, whole and streamed"""
    fields = {**greedy, "prompt": "The capital of France is"}
    name = f"text-completion-openai/{model}"
    text = litellm.text_completion(model=name, **fields).choices[0].text
    chunks = litellm.text_completion(model=name, stream=True, **fields)
    assert text and "".join(chunk.choices[0].text or "" for chunk in chunks) == text


@check
def embedding():
    """texts are embedded"""
    fields = {"input": ["The sky is blue.", "Grass is green."], "api_base": f"{url}/v1", "api_key": api_key}
    answer = litellm.embedding(model=f"openai/{model}", **fields)
    assert [len(item["embedding"]) > 100 for item in answer.data] == [True, True]
    assert answer.usage.prompt_tokens > 5


@check
def errors():
    """errors have LiteLLM's classes"""
    kinds = {
        litellm.ContextWindowExceededError: {"messages": [{"role": "user", "content": "word " * 5000}]},
        litellm.BadRequestError: {"temperature": -1},
        litellm.AuthenticationError: {"api_key": "wrong"},
    }
    for kind, fields in kinds.items():
        try:
            say(**fields)
        except kind:
            continue
        raise AssertionError(f"no {kind.__name__}")


run()
