"""The `openai` package for Python: what it does with text."""

import json
from typing import Annotated, Literal, Optional

import openai
from checks import api_key, check, model, run, url
from pydantic import BaseModel, Field

client = openai.OpenAI(base_url=f"{url}/v1", api_key=api_key, max_retries=0)
messages = [{"role": "user", "content": "Name three fruits."}]
greedy = {"model": model, "messages": messages, "temperature": 0, "max_tokens": 12}
prompt = "The capital of France is"
question = [{"role": "user", "content": "What is the weather in Paris and in Oslo?"}]


class Report(BaseModel):
    """What the weather is like."""

    city: Annotated[str, Field(max_length=12)]
    degrees: Annotated[int, Field(ge=-40, le=50)]
    sky: Literal["clear", "cloudy", "rain"]
    hours: Annotated[list[Annotated[int, Field(ge=0, le=23)]], Field(max_length=3)]
    station: Optional[Annotated[str, Field(pattern="^[A-Z]{3}$")]]


class Place(BaseModel):
    """The weather of a city."""

    city: Literal["Paris", "Oslo", "Rome"]


def say(**fields):
    return client.chat.completions.create(**{**greedy, **fields})


def text_of(**fields):
    return say(**fields).choices[0].message.content


def raises(kind, call, **facts):
    try:
        call()
    except kind as error:
        for name, value in facts.items():
            assert getattr(error, name) == value, (name, getattr(error, name))
        return
    raise AssertionError(f"no {kind.__name__}")


@check
def chat():
    """a stream says what the whole answer says"""
    whole = say()
    chunks = list(say(stream=True, stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].usage == whole.usage and whole.usage.completion_tokens == 12


@check
def logprobs():
    """log-probabilities, plain and streamed"""
    fields = {"logprobs": True, "top_logprobs": 20}
    content = say(**fields).choices[0].logprobs.content
    assert len(content) == 12 and all(len(entry.top_logprobs) == 20 for entry in content)
    streamed = [
        entry
        for chunk in say(stream=True, **fields)
        if chunk.choices[0].logprobs
        for entry in chunk.choices[0].logprobs.content
    ]
    assert [entry.logprob for entry in streamed] == [entry.logprob for entry in content]


@check
def choices():
    """n choices, stop texts, seeds and every sampling field"""
    assert [choice.index for choice in say(n=2).choices] == [0, 1]
    text = text_of()
    word = text.split(" ")[2]
    stopped = say(stop=[word, "@1", "@2", "@3", "@4"]).choices[0]
    assert stopped.finish_reason == "stop"
    assert stopped.message.content == text[: text.index(word)]
    for seed in (1, -5, 2**63 - 1):
        assert text_of(seed=seed, temperature=1.5) == text_of(seed=seed, temperature=1.5)
    sampling = {"top_p": 0.5, "presence_penalty": 1, "frequency_penalty": -1, "logit_bias": {"28": -100}}
    assert say(temperature=2, seed=3, **sampling).usage.completion_tokens == 12
    assert say(max_tokens=None, max_completion_tokens=3).usage.completion_tokens == 3


@check
def extra_body():
    """fields beyond OpenAI's by extra_body"""
    extra = {
        "top_k": 5,
        "min_p": 0.1,
        "repetition_penalty": 1.1,
        "stop_token_ids": [2],
        "ignore_eos": True,
        "min_tokens": 2,
        "skip_special_tokens": False,
        "no_stop_trim": True,
        "rid": "check-1",
        "separate_reasoning": True,
        "stream_reasoning": True,
        "return_meta_info": True,
        "chat_template_kwargs": {"enable_thinking": False},
        "include_reasoning": True,
        "add_generation_prompt": True,
        "cache_salt": "salt",
        "priority": 0,
    }
    answer = say(extra_body=extra)
    assert answer.id == "check-1" and answer.usage.completion_tokens == 12


@check
def neutral_fields():
    """fields that mean nothing here"""
    neutral = {
        "reasoning_effort": "none",
        "response_format": {"type": "text"},
        "parallel_tool_calls": True,
        "prediction": {"type": "content", "content": "Apples"},
        "metadata": {"a": "b"},
        "store": True,
        "service_tier": "auto",
        "user": "u",
        "prompt_cache_key": "k",
        "safety_identifier": "s",
        "modalities": ["text"],
    }
    assert text_of(**neutral) == text_of()


@check
def history():
    """an answer sent back as an object and as a dictionary with nulls"""
    message = say().choices[0].message
    question = {"role": "user", "content": [{"type": "text", "text": "Go on."}]}
    cached = {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}
    system = [{"role": "system", "content": [cached]}, {"role": "developer", "content": "Be kind."}]
    for answer in (message, message.model_dump()):
        assert say(messages=[*system, *messages, answer, question]).choices


@check
def helpers():
    """the stream helper, and raw responses with a request id"""
    # The helper takes an answer that a limit cut for a failure.
    ended = {**greedy, "stop": [text_of().split(" ")[2]]}
    with client.chat.completions.stream(**ended) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert "".join(deltas) == final.choices[0].message.content
    raw = client.chat.completions.with_raw_response.create(**greedy)
    assert raw.headers["x-request-id"] and raw.parse().choices


@check
def completions():
    """completions of texts, lists and ids, with echo and log-probabilities"""
    fields = {"model": model, "temperature": 0, "max_tokens": 4}
    one = client.completions.create(prompt=prompt, **fields).choices[0].text
    assert client.completions.create(prompt=[prompt, "Once"], **fields).choices[0].text == one
    assert len(client.completions.create(prompt=[[504, 3575], [282]], n=2, **fields).choices) == 4
    echoed = client.completions.create(prompt=prompt, echo=True, logprobs=2, **fields).choices[0]
    assert echoed.text == prompt + one and "".join(echoed.logprobs.tokens) == echoed.text
    assert echoed.logprobs.token_logprobs[0] is None
    streamed = client.completions.create(prompt=prompt, echo=True, stream=True, **fields)
    assert "".join(chunk.choices[0].text for chunk in streamed) == echoed.text


@check
def parsed():
    """parse gives a pydantic model, whole, drawn and streamed"""
    fields = {**greedy, "messages": question, "max_tokens": 100, "response_format": Report}
    whole = client.chat.completions.parse(**fields).choices[0].message
    assert isinstance(whole.parsed, Report)
    for seed in range(2):
        drawn = client.beta.chat.completions.parse(**{**fields, "temperature": 1, "seed": seed})
        assert isinstance(drawn.choices[0].message.parsed, Report)
    with client.chat.completions.stream(**fields) as stream:
        assert [event for event in stream if event.type == "content.done"][0].parsed == whole.parsed
    raises(openai.LengthFinishReasonError, lambda: client.chat.completions.parse(**{**fields, "max_tokens": 4}))


@check
def tools():
    """a tool that must be called, its result, and the answer"""
    tool = openai.pydantic_function_tool(Place)
    fields = {**greedy, "messages": question, "max_tokens": 60, "tools": [tool], "tool_choice": "required"}
    fields["parallel_tool_calls"] = False
    choice = client.chat.completions.parse(**fields).choices[0]
    [call] = choice.message.tool_calls
    assert choice.finish_reason == "tool_calls" and isinstance(call.function.parsed_arguments, Place)
    with client.chat.completions.stream(**fields) as stream:
        final = stream.get_final_completion().choices[0].message.tool_calls
    assert [one.function.arguments for one in final] == [call.function.arguments]
    result = {"role": "tool", "tool_call_id": call.id, "content": json.dumps({"degrees": 9})}
    history = [*question, choice.message, result]
    assert text_of(messages=history, tools=[tool], tool_choice="none")


@check
def responses():
    """responses that follow a schema or call a tool"""
    fields = {"model": model, "temperature": 0, "input": question, "max_output_tokens": 100}
    parsed = client.responses.parse(text_format=Report, **fields).output_parsed
    assert isinstance(parsed, Report)
    with client.responses.stream(text_format=Report, **fields) as stream:
        assert stream.get_final_response().output_parsed == parsed
    tool = {"type": "function", "name": "Place", "parameters": Place.model_json_schema(), "strict": False}
    choice = {"type": "function", "name": "Place"}
    called = client.responses.create(tools=[tool], tool_choice=choice, **fields)
    [call] = called.output
    assert call.type == "function_call" and Place.model_validate_json(call.arguments)
    result = {"type": "function_call_output", "call_id": call.call_id, "output": '{"degrees": 9}'}
    following = {**fields, "input": [result], "max_output_tokens": 8, "previous_response_id": called.id}
    assert client.responses.create(tools=[tool], tool_choice="none", **following).output_text


@check
def embeddings():
    """embeddings, which the client takes in base64, are those in decimals"""
    texts = ["The sky is blue.", "Grass is green."]
    fields = {"model": model, "input": texts}
    taken = client.embeddings.create(**fields)
    plain = client.embeddings.create(encoding_format="float", **fields)
    assert [item.index for item in taken.data] == [0, 1] and taken.usage == plain.usage
    for one, other in zip(taken.data, plain.data):
        assert len(one.embedding) == len(other.embedding) > 100
        assert all(abs(a - b) < 1e-8 for a, b in zip(one.embedding, other.embedding))
    short = client.embeddings.create(dimensions=16, **fields).data[0].embedding
    assert len(short) == 16 and abs(sum(value * value for value in short) - 1) < 1e-5
    raises(openai.BadRequestError, lambda: client.embeddings.create(model=model, input=""), param="input")


@check
def models():
    """models are listed and found"""
    assert [card.id for card in client.models.list()] == [model]
    assert client.models.retrieve(model).id == model


@check
def errors():
    """errors have their classes"""
    raises(openai.NotFoundError, lambda: client.models.retrieve("gpt-9"), code="model_not_found")
    raises(openai.BadRequestError, lambda: say(temperature=-1), param="temperature")
    raises(openai.BadRequestError, lambda: say(max_tokens=10**6), code="context_length_exceeded")
    stranger = openai.OpenAI(base_url=f"{url}/v1", api_key="wrong", max_retries=0)
    raises(openai.AuthenticationError, stranger.models.list)


@check
def leaving():
    """a stream that is left and a request that takes too long"""
    endless = {"max_tokens": 400, "extra_body": {"ignore_eos": True}}
    stream = say(stream=True, **endless)
    next(iter(stream))
    stream.close()
    hurried = client.with_options(timeout=0.05)
    raises(openai.APITimeoutError, lambda: hurried.chat.completions.create(**{**greedy, **endless}))
    assert say().usage.completion_tokens == 12


run()
