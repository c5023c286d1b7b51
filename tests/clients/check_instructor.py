"""instructor: models of pydantic by tools, by JSON and by a JSON schema."""

from enum import Enum
from typing import Annotated, Optional

import instructor
import openai
from checks import api_key, check, model, run, url
from pydantic import BaseModel, Field

client = openai.OpenAI(base_url=f"{url}/v1", api_key=api_key, max_retries=0)
question = [{"role": "user", "content": "What is the weather in Oslo?"}]


class Sky(str, Enum):
    clear = "clear"
    cloudy = "cloudy"
    rain = "rain"


class Wind(BaseModel):
    knots: Annotated[int, Field(ge=0, le=99)]


class Report(BaseModel):
    """What the weather is like."""

    city: Annotated[str, Field(max_length=12)]
    degrees: Annotated[int, Field(ge=-40, le=50)]
    sky: Sky
    wind: Optional[Wind]
    hours: Annotated[list[Annotated[int, Field(ge=0, le=23)]], Field(max_length=3)]


def ask(mode, response_model=Report, **fields):
    """One request only: an answer that does not fit is not asked for again."""
    defaults = {"model": model, "messages": question, "temperature": 0, "max_tokens": 150}
    asking = instructor.from_openai(client, mode=mode).chat.completions
    return asking.create_with_completion(
        response_model=response_model, max_retries=0, **{**defaults, **fields}
    )


@check
def by_tools():
    """TOOLS: a model at once, greedily and drawn"""
    report, completion = ask(instructor.Mode.TOOLS)
    assert isinstance(report, Report) and len(completion.choices[0].message.tool_calls) == 1
    for seed in range(2):
        assert isinstance(ask(instructor.Mode.TOOLS, temperature=1, seed=seed)[0], Report)


@check
def by_schema():
    """JSON_SCHEMA: a model at once, greedily and drawn"""
    for fields in ({}, {"temperature": 1, "seed": 1}):
        assert isinstance(ask(instructor.Mode.JSON_SCHEMA, **fields)[0], Report)


@check
def by_json():
    """JSON: an object, whose schema the client describes in words"""
    told = [{"role": "user", "content": 'The wind has nine knots. Answer with {"knots": 9}'}]
    assert isinstance(ask(instructor.Mode.JSON, Wind, messages=told)[0], Wind)


@check
def partial():
    """a model that fills as it streams"""
    asking = instructor.from_openai(client, mode=instructor.Mode.TOOLS)
    fields = {"model": model, "messages": question, "temperature": 0, "max_tokens": 60}
    states = list(asking.chat.completions.create_partial(response_model=Wind, max_retries=0, **fields))
    assert len(states) > 1 and Wind.model_validate(states[-1].model_dump())


run()
