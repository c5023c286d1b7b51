"""Tokenizer and chat template of a target."""

import json
from pathlib import Path

from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from .checkpoint import Checkpoint

def _split(pattern: str) -> list:
    """Cuts out every match, then bytes."""
    return [
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]


_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_GPT2 = [pre_tokenizers.ByteLevel(add_prefix_space=False)]
_SMOLLM = [pre_tokenizers.Digits(individual_digits=True), *_GPT2]
_LLAMA3_NAMES = ["llama-bpe", "llama3", "llama-v3"]
PRE_TOKENIZERS = {
    "gpt-2": _GPT2,
    "olmo": _GPT2,
    "smollm": _SMOLLM,
    "starcoder": _SMOLLM,
    **dict.fromkeys(_LLAMA3_NAMES, _split(_LLAMA3)),
    "qwen2": _split(_LLAMA3.replace("{1,3}", "")),
}
"""Splits by GGUF's `tokenizer.ggml.pre`; a folder of safetensors brings its own tokenizer.json."""


class Chat:
    """Renders messages with the model's own template and turns text into ids and back."""

    def __init__(self, checkpoint: Checkpoint):
        stated = checkpoint.tokenizer
        if "folder" in stated:
            folder = Path(stated["folder"])
            self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            settings = json.loads((folder / "tokenizer_config.json").read_text())
            file = folder / "chat_template.jinja"
            template = file.read_text() if file.exists() else settings["chat_template"]
            self.bos, self.eos = (_token_text(settings.get(name)) for name in ("bos_token", "eos_token"))
        else:
            self.tokenizer = _from_gguf(stated)
            template = stated["chat_template"]
            bos = stated["bos_token_id"]
            self.bos = "" if bos is None else stated["tokens"][bos]
            self.eos = stated["tokens"][stated["eos_token_id"]]
        self.eos_id = self.tokenizer.token_to_id(self.eos)
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        self._template = environment.from_string(template)

    def render(self, messages: list[dict[str, str]]) -> str:
        """The text after which the model answers."""
        return self._template.render(messages=messages, add_generation_prompt=True, eos_token=self.eos, bos_token=self.bos)

    def encode(self, text: str) -> list[int]:
        """Ids of a rendered text, specials recognised, none added."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids


def _token_text(stated: dict | str | None) -> str:
    """A special token of tokenizer_config.json, written out or in short."""
    return stated["content"] if isinstance(stated, dict) else stated or ""


def _from_gguf(stated: dict) -> Tokenizer:
    if stated["pre"] not in PRE_TOKENIZERS:
        raise ValueError(f"Cannot build tokenizer: pre-tokenizer {stated['pre']}, expected one of {sorted(PRE_TOKENIZERS)}")
    vocabulary = {token: id for id, token in enumerate(stated["tokens"])}
    merges, pre = [tuple(m.split(" ")) for m in stated["merges"]], stated["pre"]
    # Llama 3 takes a word that is a token whole, whatever its merges.
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=pre in _LLAMA3_NAMES))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(PRE_TOKENIZERS[pre])
    if pre == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    control = 3
    specials = [token for token, kind in zip(stated["tokens"], stated["token_type"]) if kind == control]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in specials])
    return tokenizer
