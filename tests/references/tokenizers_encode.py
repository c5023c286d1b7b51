"""What PyPI tokenizers makes of texts: [{"path" or "json", "texts"}] to [{"ids", "plain", "texts"} or {"error"}].

"ids" have special tokens read and put around, "plain" neither; "texts" are the ids decoded.
"""
import json
import sys

from tokenizers import Tokenizer


def answer(case):
    try:
        tokenizer = Tokenizer.from_file(case["path"]) if "path" in case else Tokenizer.from_str(json.dumps(case["json"]))
    except BaseException as error:
        return {"error": str(error)}

    def ids_of(text, **options):
        try:
            return tokenizer.encode(text, **options).ids
        except BaseException:
            return None

    ids = [ids_of(text) for text in case["texts"]]
    texts = [None if i is None else tokenizer.decode(i, skip_special_tokens=False) for i in ids]
    tokenizer.encode_special_tokens = True
    plain = [ids_of(text, add_special_tokens=False) for text in case["texts"]]
    return {"ids": ids, "plain": plain, "texts": texts}


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
