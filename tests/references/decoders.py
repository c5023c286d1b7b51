"""What PyPI tokenizers decodes: for each case of standard input the text of each of its lists of token ids."""

import json
import sys

from tokenizers import Tokenizer


def texts(case):
    tokenizer = Tokenizer.from_str(json.dumps(case["tokenizer"]))
    return [tokenizer.decode(ids, skip_special_tokens=True) for ids in case["ids"]]


print(json.dumps([texts(case) for case in json.load(sys.stdin)]))
