"""Small SentencePiece BPE models, each as a GGUF file, and what PyPI sentencepiece makes of texts with them.

Standard input: {"folder", "models": [{"name", "options", "texts"}]}; output: for each model the ids and the texts of
the ids. Options are those of SentencePiece's trainer.
"""

import json
import os
import random
import sys

import gguf
import sentencepiece

SYLLABLES = "ka to mi re su no ha li ve dor an el ing the er est qu é ü ж щи 日 本".split()


def corpus():
    draw = random.Random(22)
    for _ in range(4000):
        words = ["".join(draw.choice(SYLLABLES) for _ in range(draw.randint(1, 4))) for _ in range(draw.randint(1, 12))]
        yield draw.choice([" ", "  ", " "]).join(words) + draw.choice(["", ".", "!", ", 12", "\t", " (x)"])


def write_gguf(path, processor, options):
    kinds = [
        (processor.IsUnknown, gguf.TokenType.UNKNOWN),
        (processor.IsControl, gguf.TokenType.CONTROL),
        (processor.IsByte, gguf.TokenType.BYTE),
    ]
    size = processor.vocab_size()
    types = [next((kind for test, kind in kinds if test(i)), gguf.TokenType.NORMAL) for i in range(size)]
    tokens = [processor.IdToPiece(i) for i in range(size)]
    for i, token in enumerate(tokens):
        if token in options.get("user_defined_symbols", []):
            types[i] = gguf.TokenType.USER_DEFINED
            # As llama.cpp's converter writes them.
            tokens[i] = token.replace("▁", " ")
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([processor.GetScore(i) for i in range(size)])
    writer.add_token_types(types)
    writer.add_bos_token_id(processor.bos_id())
    writer.add_eos_token_id(processor.eos_id())
    writer.add_unk_token_id(processor.unk_id())
    writer.add_add_space_prefix(options.get("add_dummy_prefix", True))
    if options["remove_extra_whitespaces"]:
        writer.add_remove_extra_whitespaces(True)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def answer(folder, name, options, texts):
    prefix = os.path.join(folder, name)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=corpus(),
        model_prefix=prefix,
        model_type="bpe",
        normalization_rule_name="identity",
        minloglevel=2,
        **options,
    )
    processor = sentencepiece.SentencePieceProcessor(model_file=prefix + ".model")
    write_gguf(prefix + ".gguf", processor, options)
    ids = [processor.encode(text) for text in texts]
    return {"ids": ids, "texts": [processor.decode(i) for i in ids]}


request = json.load(sys.stdin)
print(json.dumps([answer(request["folder"], **model) for model in request["models"]]))
