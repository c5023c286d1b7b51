"""Runs the checks of a script against a server and prints one line of JSON for each.

A script is called with the server's address, the served model and the API key. A check that
fails reports its traceback; the script goes on and ends with 0.
"""

import json
import sys
import traceback

url, model, api_key = sys.argv[1:4]
_checks = []


def check(function):
    """Adds a check, named by its docstring."""
    _checks.append(function)
    return function


def run():
    for function in _checks:
        error = None
        try:
            function()
        except Exception:
            error = traceback.format_exc()
        print(json.dumps({"check": function.__doc__, "error": error}), flush=True)
