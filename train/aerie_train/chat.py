"""Tokenizer and chat template of a target."""

import json
from pathlib import Path

from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from .checkpoint import Checkpoint

PRE_TOKENIZERS = {"smollm": [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]}
"""Splits by GGUF's `tokenizer.ggml.pre`; a folder of safetensors brings its own tokenizer.json."""


class Chat:
    """Renders messages with the model's own template and turns text into ids and back."""

    def __init__(self, checkpoint: Checkpoint):
        stated = checkpoint.tokenizer
        if "folder" in stated:
            folder = Path(stated["folder"])
            self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            settings = json.loads((folder / "tokenizer_config.json").read_text())
            template = settings["chat_template"]
            self.eos = settings["eos_token"] if isinstance(settings["eos_token"], str) else settings["eos_token"]["content"]
        else:
            self.tokenizer = _from_gguf(stated)
            template = stated["chat_template"]
            self.eos = stated["tokens"][stated["eos_token_id"]]
        self.eos_id = self.tokenizer.token_to_id(self.eos)
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        self._template = environment.from_string(template)

    def render(self, messages: list[dict[str, str]]) -> str:
        """The text after which the model answers."""
        return self._template.render(messages=messages, add_generation_prompt=True, eos_token=self.eos, bos_token="")

    def encode(self, text: str) -> list[int]:
        """Ids of a rendered text, specials recognised, none added."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids


def _from_gguf(stated: dict) -> Tokenizer:
    if stated["pre"] not in PRE_TOKENIZERS:
        raise ValueError(f"Cannot build tokenizer: pre-tokenizer {stated['pre']}, expected one of {sorted(PRE_TOKENIZERS)}")
    vocabulary = {token: id for id, token in enumerate(stated["tokens"])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[tuple(m.split(" ")) for m in stated["merges"]]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(PRE_TOKENIZERS[stated["pre"]])
    tokenizer.decoder = decoders.ByteLevel()
    control = 3
    specials = [token for token, kind in zip(stated["tokens"], stated["token_type"]) if kind == control]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in specials])
    return tokenizer
