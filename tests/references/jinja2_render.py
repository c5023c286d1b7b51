"""Renders Jinja templates as transformers renders chat templates.

Input: {"templates": [text], "contexts": [variables]}, where template i is rendered with context i, or all with the only
one. Output: for each the text, or {"error": name of the exception's class}.
"""

import json
import sys
from datetime import datetime

from transformers.utils import chat_template_utils


class FixedTime(datetime):
    """strftime_now writes this moment."""

    @classmethod
    def now(cls, tz=None):
        return cls(2025, 3, 9, 17, 4, 5, 678000)


chat_template_utils.datetime = FixedTime

# Making an environment takes longer than rendering, so all templates share one.
environment = chat_template_utils._compile_jinja_template("").environment


def render(template, context):
    context = json.loads(json.dumps(context))  # some filters change lists
    try:
        return environment.from_string(template).render(**context)
    except Exception as error:  # whatever class it has is the answer
        return {"error": type(error).__name__, "message": str(error)[:200]}


given = json.load(sys.stdin)
contexts = given["contexts"]
if len(contexts) == 1:
    contexts = contexts * len(given["templates"])
json.dump([render(*pair) for pair in zip(given["templates"], contexts)], sys.stdout)
