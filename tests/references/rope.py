"""Rotary positions by transformers: a list of {model, config, length} becomes a list of, per kind of layer (one without
a name, where all are alike), {inverse, scale}: the frequencies and the factor of cos and sin for texts so long."""

import json
import sys
from importlib import import_module

import torch
from transformers import CONFIG_MAPPING

ROTARY = {"llama": "Llama", "phi3": "Phi3", "gemma3_text": "Gemma3", "smollm3": "SmolLM3", "mixtral": "Mixtral"}


def frequencies(model, config, length):
    config = CONFIG_MAPPING[model].from_dict(config)
    module = import_module(f"transformers.models.{model.removesuffix('_text')}.modeling_{model.removesuffix('_text')}")
    rotary = getattr(module, f"{ROTARY[model]}RotaryEmbedding")(config)
    positions = torch.arange(length)[None]
    kinds = ["full_attention", "sliding_attention"] if model.startswith("gemma3") else [""]
    found = {}
    for kind in kinds:
        rotary(torch.zeros(1), positions, *([kind] if kind else []))
        prefix = f"{kind}_" if kind else ""
        inverse = getattr(rotary, f"{prefix}inv_freq")
        found[kind] = {"inverse": inverse.tolist(), "scale": float(getattr(rotary, f"{prefix}attention_scaling"))}
    return found


json.dump([frequencies(**case) for case in json.load(sys.stdin)], sys.stdout)
