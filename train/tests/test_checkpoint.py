"""Targets and tokenizers on disk: what is read, and what is refused rather than read wrongly."""

import json

import pytest
from tokenizers import Tokenizer, models

from aerie_train.chat import PRE_TOKENIZERS, Chat
from aerie_train.checkpoint import Checkpoint, load_checkpoint

from conftest import CONFIG, write_target


def test_a_folder_is_read_with_its_tied_lm_head(tmp_path):
    checkpoint = load_checkpoint(write_target(tmp_path, rope_scaling={"rope_type": "default"}))
    assert checkpoint.config == CONFIG
    assert checkpoint.tensors["lm_head.weight"] is checkpoint.tensors["model.embed_tokens.weight"]


@pytest.mark.parametrize(
    "more, message",
    [
        ({"rope_scaling": {"rope_type": "llama3", "factor": 32}}, "rope scaling llama3"),
        ({"rope_scaling": {"type": "linear", "factor": 2}}, "rope scaling linear"),
        ({"rope_parameters": {"rope_type": "llama3", "rope_theta": 5e5}}, "rope scaling llama3"),
        ({"attention_bias": True}, "attention_bias"),
        ({"architectures": ["Qwen2ForCausalLM"]}, "Qwen2ForCausalLM"),
    ],
)
def test_what_the_forward_does_not_know_is_refused(more, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load_checkpoint(write_target(tmp_path, **more))


@pytest.mark.parametrize("has_file", [False, True])
def test_a_template_stands_in_either_file_and_is_given_the_special_tokens(has_file, tmp_path):
    Tokenizer(models.WordLevel({"a": 0, "</s>": 1}, "a")).save(str(tmp_path / "tokenizer.json"))
    template = "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}"
    settings = {"bos_token": {"content": "<s>"}, "eos_token": "</s>", **({} if has_file else {"chat_template": template})}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    if has_file:
        (tmp_path / "chat_template.jinja").write_text(template)
    chat = Chat(Checkpoint(CONFIG, {}, {"folder": str(tmp_path)}))
    assert chat.render([{"role": "user", "content": "hi"}]) == "<s>hi</s>"
    assert chat.eos_id == 1


@pytest.mark.parametrize("pre", sorted(PRE_TOKENIZERS))
def test_every_pre_tokenizer_of_gguf_gives_back_what_it_was_given(pre):
    letters = sorted({chr(c) for c in range(33, 127)} | {"Ġ", "Ċ", "Ã", "©"})
    tokens, kinds = [*letters, "12", "<|end|>"], [1] * (len(letters) + 1) + [3]
    ends = {"bos_token_id": None, "eos_token_id": len(tokens) - 1, "chat_template": ""}
    tokenizer = Chat(Checkpoint(CONFIG, {}, {"tokens": tokens, "merges": ["1 2"], "token_type": kinds, "pre": pre, **ends})).tokenizer
    text = "It's 12,\n ok<|end|>é"
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == text
    digits_are_single = pre in ("smollm", "starcoder", "qwen2")
    assert (len(letters) in ids) == (not digits_are_single)
