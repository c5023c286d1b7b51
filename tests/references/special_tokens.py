"""What transformers makes of tokenizer folders: names and ids of special tokens, ids of texts and of a chat."""

import json
import sys

from transformers import AutoTokenizer


def answer(folder, texts, messages):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chat = tokenizer.apply_chat_template(messages, tokenize=False) if tokenizer.chat_template else None
    return {
        "bos": tokenizer.bos_token,
        "eos": tokenizer.eos_token,
        "unk": tokenizer.unk_token,
        "pad": tokenizer.pad_token,
        "special": sorted(tokenizer.all_special_ids),
        "texts": [tokenizer.encode(text) for text in texts],
        "chat": None if chat is None else tokenizer.encode(chat, add_special_tokens=False),
        "decoded": [tokenizer.decode(tokenizer.encode(text), skip_special_tokens=True) for text in texts],
    }


request = json.load(sys.stdin)
print(json.dumps([answer(folder, request["texts"], request["messages"]) for folder in request["folders"]]))
