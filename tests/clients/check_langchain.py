"""LangChain's model for OpenAI for Python: texts, structured output and tools."""

from typing import Annotated, Literal

from checks import api_key, check, model, run, url
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field

question = "What is the weather in Paris and in Oslo?"


def chat(**fields):
    defaults = {"temperature": 0, "max_tokens": 100, "max_retries": 0}
    return ChatOpenAI(model=model, base_url=f"{url}/v1", api_key=api_key, **{**defaults, **fields})


class Report(BaseModel):
    """What the weather is like."""

    city: Annotated[str, Field(max_length=12)]
    degrees: Annotated[int, Field(ge=-40, le=50)]
    sky: Literal["clear", "cloudy", "rain"]


@tool
def get_weather(city: Literal["Paris", "Oslo", "Rome"]) -> str:
    """The weather of a city."""
    return f"9 degrees in {city}"


@check
def text():
    """a stream says what the whole answer says, with its usage"""
    short = chat(max_tokens=12, stream_usage=True)
    whole = short.invoke(question)
    chunks = list(short.stream(question))
    assert "".join(chunk.text for chunk in chunks) == whole.text != ""
    counts = [chunk.usage_metadata["output_tokens"] for chunk in chunks if chunk.usage_metadata]
    assert (whole.usage_metadata["output_tokens"], max(counts)) == (12, 12)


@check
def structured():
    """with_structured_output by schema and by function, of classes and of JSON schemas"""
    for method in ("json_schema", "function_calling"):
        assert isinstance(chat().with_structured_output(Report, method=method).invoke(question), Report)
    drawn = chat(temperature=1, seed=3).with_structured_output(Report.model_json_schema(), include_raw=True)
    answer = drawn.invoke(question)
    assert answer["parsing_error"] is None and Report.model_validate(answer["parsed"])


@check
def json_mode():
    """json_mode gives an object"""
    asked = 'Repeat this JSON object: {"city": "Oslo"}'
    assert isinstance(chat().with_structured_output(None, method="json_mode").invoke(asked), dict)


@check
def tools():
    """a tool that must be called, its message, and the answer; a call that streams"""
    forced = chat().bind_tools([get_weather], tool_choice="get_weather", parallel_tool_calls=False)
    called = forced.invoke(question)
    [call] = called.tool_calls
    result = get_weather.invoke(call)
    assert result.content == f"9 degrees in {call['args']['city']}" and result.tool_call_id == call["id"]
    history = [HumanMessage(question), called, result]
    assert chat(max_tokens=8).bind_tools([get_weather], tool_choice="none").invoke(history).text
    gathered = None
    for chunk in forced.stream(question):
        gathered = chunk if gathered is None else gathered + chunk
    assert [(one["name"], one["args"]) for one in gathered.tool_calls] == [(call["name"], call["args"])]


run()
