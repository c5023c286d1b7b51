"""Reads a Llama-architecture target from a GGUF file or a folder of safetensors, as float32 with Hugging Face names."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

GGUF_NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


@dataclass(frozen=True)
class LlamaConfig:
    """Sizes of a Llama-architecture model, in the words of Hugging Face's config.json."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10000.0
    max_position_embeddings: int = 2048


@dataclass
class Checkpoint:
    """A target: sizes, float32 tensors by Hugging Face name, and what tokenizing needs (see chat.py)."""

    config: LlamaConfig
    tensors: dict[str, torch.Tensor]
    tokenizer: dict


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Reads `path`, a .gguf file or a folder with config.json and *.safetensors; tied LM heads are filled in."""
    path = Path(path).expanduser()
    found = _from_gguf(path) if path.suffix == ".gguf" else _from_folder(path)
    found.tensors.setdefault("lm_head.weight", found.tensors["model.embed_tokens.weight"])
    return found


def _from_gguf(path: Path) -> Checkpoint:
    from gguf import GGUFReader
    from gguf.quants import dequantize

    reader = GGUFReader(path)

    def meta(key: str, default=None):
        field = reader.get_field(key)
        return default if field is None else field.contents()

    architecture = meta("general.architecture")
    if architecture != "llama":
        raise ValueError(f"Cannot load target: architecture {architecture}, expected llama")
    heads = meta("llama.attention.head_count")
    hidden = meta("llama.embedding_length")
    config = LlamaConfig(
        vocab_size=len(meta("tokenizer.ggml.tokens")),
        hidden_size=hidden,
        intermediate_size=meta("llama.feed_forward_length"),
        num_hidden_layers=meta("llama.block_count"),
        num_attention_heads=heads,
        num_key_value_heads=meta("llama.attention.head_count_kv", heads),
        head_dim=meta("llama.attention.key_length", hidden // heads),
        # Stored as float32: 1e-5 would come back as 9.99999975e-06.
        rms_norm_eps=float(f"{meta('llama.attention.layer_norm_rms_epsilon'):.6g}"),
        rope_theta=meta("llama.rope.freq_base", 10000.0),
        max_position_embeddings=meta("llama.context_length"),
    )
    tensors = {}
    for tensor in reader.tensors:
        values = torch.from_numpy(np.array(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32))
        name = _hugging_face_name(tensor.name)
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            values = _halves_from_pairs(values, config.head_dim)
        tensors[name] = values
    keys = ("tokens", "merges", "token_type", "pre", "bos_token_id", "eos_token_id")
    tokenizer = {key: meta(f"tokenizer.ggml.{key}") for key in keys}
    tokenizer["chat_template"] = meta("tokenizer.chat_template")
    return Checkpoint(config, tensors, tokenizer)


def _hugging_face_name(name: str) -> str:
    fixed = {
        "token_embd.weight": "model.embed_tokens.weight",
        "output_norm.weight": "model.norm.weight",
        "output.weight": "lm_head.weight",
    }
    if name in fixed:
        return fixed[name]
    parts = name.split(".")
    if len(parts) != 4 or parts[0] != "blk" or parts[2] not in GGUF_NAMES or parts[3] != "weight":
        raise ValueError(f"Cannot load target: it has {name}, which is no tensor of a plain Llama model")
    return f"model.layers.{parts[1]}.{GGUF_NAMES[parts[2]]}.weight"


def _halves_from_pairs(weight: torch.Tensor, head_dim: int) -> torch.Tensor:
    """GGUF rotates neighbouring rows of a head, Hugging Face rows half a head apart: reorders from the first to the second."""
    rows, width = weight.shape
    return weight.view(rows // head_dim, head_dim // 2, 2, width).transpose(1, 2).reshape(rows, width)


def _from_folder(path: Path) -> Checkpoint:
    from safetensors.torch import load_file

    stated = json.loads((path / "config.json").read_text())
    if stated["architectures"] != ["LlamaForCausalLM"]:
        raise ValueError(f"Cannot load target: architectures {stated['architectures']}, expected LlamaForCausalLM")
    rope = stated.get("rope_parameters") or {}
    for scaling in (stated.get("rope_scaling") or {}, rope):
        if (kind := scaling.get("rope_type", scaling.get("type", "default"))) != "default":
            raise ValueError(f"Cannot load target: rope scaling {kind}, expected none")
    for key in ("attention_bias", "mlp_bias"):
        if stated.get(key):
            raise ValueError(f"Cannot load target: {key} is true, expected none")
    heads = stated["num_attention_heads"]
    config = LlamaConfig(
        vocab_size=stated["vocab_size"],
        hidden_size=stated["hidden_size"],
        intermediate_size=stated["intermediate_size"],
        num_hidden_layers=stated["num_hidden_layers"],
        num_attention_heads=heads,
        num_key_value_heads=stated.get("num_key_value_heads", heads),
        head_dim=stated.get("head_dim") or stated["hidden_size"] // heads,
        rms_norm_eps=stated["rms_norm_eps"],
        rope_theta=stated.get("rope_theta") or rope.get("rope_theta", 10000.0),
        max_position_embeddings=stated["max_position_embeddings"],
    )
    tensors = {}
    for file in sorted(path.glob("*.safetensors")):
        tensors.update({name: values.float() for name, values in load_file(file).items()})
    return Checkpoint(config, tensors, {"folder": str(path)})
