"""Judges JSON texts by the schemas they are to follow: jsonschema says whether a text is valid, and xgrammar, whose
compiler and matcher in C++ are newer than those of the server, whether its own grammar of the schema accepts it.

Input: `[{"schema": ..., "texts": [...]}]`. Output: what is wrong, one line for each fault.
"""

import json
import sys

import jsonschema
import xgrammar

# Texts are matched as bytes: a vocabulary of one token that is never drawn.
compiler = xgrammar.GrammarCompiler(xgrammar.TokenizerInfo(["</s>"], stop_token_ids=[0]))


def faults(schema, texts):
    validator = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    grammar = compiler.compile_json_schema(json.dumps(schema), any_whitespace=True)
    for text in texts:
        for error in validator.iter_errors(json.loads(text)):
            yield f"{text}: {error.message}"
        matcher = xgrammar.GrammarMatcher(grammar, terminate_without_stop_token=True)
        if not (matcher.accept_string(text) and matcher.is_terminated()):
            yield f"{text}: not what xgrammar's grammar says"


print(json.dumps([fault for case in json.load(sys.stdin) for fault in faults(**case)]))
