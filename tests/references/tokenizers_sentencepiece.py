"""Trains a SentencePiece Unigram model with nmt_nfkc and says what PyPI tokenizers makes of it.

Input: {"corpus": [line], "texts": [text]}. Answers: {"json": tokenizer.json, "ids": [...], "normalized": [...]}.
"""
import base64
import io
import json
import sys

import sentencepiece
from tokenizers import Tokenizer


def fields(data):
    """Field numbers and values of a protocol buffer message."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            size = {1: 8, 5: 4}.get(key & 7)
            size = varint() if size is None else size
            at += size
            yield key >> 3, data[at - size : at]


request = json.load(sys.stdin)
model = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(request["corpus"]), model_writer=model, vocab_size=200, hard_vocab_limit=False,
    character_coverage=1.0, normalization_rule_name="nmt_nfkc", minloglevel=2,
)
processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
normalizer = dict(fields(dict(fields(model.getvalue()))[3]))
definition = {
    "version": "1.0",
    "added_tokens": [],
    "normalizer": {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(normalizer[2]).decode()},
    "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
    "post_processor": None,
    "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
    "model": {
        "type": "Unigram",
        "unk_id": 0,
        "byte_fallback": False,
        "vocab": [[processor.id_to_piece(i), processor.get_score(i)] for i in range(len(processor))],
    },
}
tokenizer = Tokenizer.from_str(json.dumps(definition))
json.dump({
    "json": definition,
    "ids": [tokenizer.encode(text).ids for text in request["texts"]],
    "normalized": [tokenizer.normalizer.normalize_str(text) for text in request["texts"]],
}, sys.stdout)
