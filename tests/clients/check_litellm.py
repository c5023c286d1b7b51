"""LiteLLM: what it does with text, through its OpenAI and vLLM providers."""

import json
from typing import Annotated, Literal

import litellm
from checks import api_key, check, model, run, url
from pydantic import BaseModel, Field

litellm.suppress_debug_info = True
messages = [{"role": "user", "content": "Name three fruits."}]
greedy = {
    "api_base": f"{url}/v1",
    "api_key": api_key,
    "temperature": 0,
    "max_tokens": 12,
    "num_retries": 0,
}


question = [{"role": "user", "content": "What is the weather in Paris and in Oslo?"}]


class Report(BaseModel):
    """What the weather is like."""

    city: Annotated[str, Field(max_length=12)]
    degrees: Annotated[int, Field(ge=-40, le=50)]
    sky: Literal["clear", "cloudy", "rain"]


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
def structured():
    """response_format: a class of pydantic, a JSON schema and any object, by two providers"""
    fields = {"messages": question, "max_tokens": 100}
    for provider in ("openai", "hosted_vllm"):
        assert Report.model_validate_json(text_of(provider=provider, response_format=Report, **fields))
        schema = {"name": "report", "schema": Report.model_json_schema(), "strict": True}
        drawn = {"response_format": {"type": "json_schema", "json_schema": schema}, "temperature": 1, "seed": 3}
        assert Report.model_validate_json(text_of(provider=provider, **{**fields, **drawn}))
    repeat = [{"role": "user", "content": 'Repeat this JSON object: {"city": "Oslo"}'}]
    text = text_of(messages=repeat, max_tokens=60, response_format={"type": "json_object"})
    assert isinstance(json.loads(text), dict)


@check
def tools():
    """a tool that must be called, whole and streamed, its result, and the answer"""
    parameters = Report.model_json_schema()
    tools = [{"type": "function", "function": {"name": "tell", "parameters": parameters}}]
    choice = {"type": "function", "function": {"name": "tell"}}
    fields = {"messages": question, "max_tokens": 100, "tools": tools}
    for provider in ("openai", "hosted_vllm"):
        message = say(provider, tool_choice=choice, **fields).choices[0].message
        [call] = message.tool_calls
        assert call.function.name == "tell" and Report.model_validate_json(call.function.arguments)
        chunks = list(say(provider, tool_choice=choice, stream=True, **fields))
        [streamed] = litellm.stream_chunk_builder(chunks).choices[0].message.tool_calls
        assert streamed.function.arguments == call.function.arguments
        result = {"role": "tool", "tool_call_id": call.id, "content": "Told."}
        history = {**fields, "messages": [*question, message, result], "max_tokens": 8}
        assert text_of(provider=provider, tool_choice="none", **history)


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
