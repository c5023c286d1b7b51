"""What PyPI tokenizers makes of texts, step by step.

Input: {"whole": text, "steps": [{"normalizer" or "pre_tokenizer": step, "texts": [...]} or {.., "whole": true}]}.
Answers: normalized texts, or lists of words. For the whole text, all code points in order: of a normalizer the
characters that it changes, with what they become, each with snowmen around it; of a pre-tokenizer the first and last code
point of each word.
"""
import json
import sys

from tokenizers import Tokenizer

# Stands between characters; nothing becomes one.
SNOWMAN = "\u2603"

EMPTY = {"version": "1.0", "added_tokens": [], "model": {"type": "WordLevel", "vocab": {"x": 0}, "unk_token": "x"}}


def words(step, text):
    return [word for word, _ in step.pre_tokenize_str(text)]


def answer(case, whole):
    try:
        kind = "normalizer" if "normalizer" in case else "pre_tokenizer"
        step = getattr(Tokenizer.from_str(json.dumps({**EMPTY, kind: case[kind]})), kind)
    except BaseException as error:
        return {"error": str(error)}
    if "texts" in case:
        return [step.normalize_str(t) if kind == "normalizer" else words(step, t) for t in case["texts"]]
    if kind == "pre_tokenizer":
        return [[ord(word[0]), ord(word[-1])] for word in words(step, whole)]
    after = step.normalize_str(SNOWMAN.join(whole)).split(SNOWMAN)
    return [[a, b] for a, b in zip(whole, after, strict=True) if a != b]


request = json.load(sys.stdin)
json.dump([answer(case, request["whole"]) for case in request["steps"]], sys.stdout)
