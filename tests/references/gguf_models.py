"""GGUF files of tiny random models of transformers, written by the `gguf` package as llama.cpp's converter writes them.

Input: {"folder", "tokens", "numGreedy", "tokenizer", "models": {name: {"architecture", "config", "gguf", "types"}}}, where
`gguf` is the architecture's name there and `types` are those of the matrices. Each model is saved to folder/name, its
files are folder/name/TYPE.gguf. Output: {name: [token]}, the greedy continuations by transformers.
"""

import json
import math
import sys

import gguf
import numpy
import torch
import transformers
from architectures import make

# Their rotary pairs are neighbours in llama.cpp, so the rows of query and key change places.
INTERLEAVED = {"llama", "smollm3", "granite"}


def permute(weights, heads):
    return weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def write_rope(writer, rope, config, head_dim):
    """What the base class of the converter writes, and Llama's and Phi-3's own; returns extra tensors."""
    rope = rope.get("full_attention", rope)
    kind, extra = rope.get("rope_type", "default"), {}
    if kind in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
        writer.add_rope_scaling_factor(rope["factor"])
    if kind == "yarn":
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if kind == "llama3":
        half = head_dim // 2
        frequencies = rope["rope_theta"] ** -(numpy.arange(half) / half)
        waves, original = 2 * math.pi / frequencies, rope["original_max_position_embeddings"]
        low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
        smooth = (original / waves - low) / (high - low)
        factors = numpy.where(waves < original / high, 1, numpy.where(waves > original / low, factor, 1 / ((1 - smooth) / factor + smooth)))
        extra["rope_freqs.weight"] = factors.astype(numpy.float32)
    if kind == "longrope":
        original, length = rope["original_max_position_embeddings"], config.max_position_embeddings
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(length / original) / math.log(original)))
        for name in ("long", "short"):
            extra[f"rope_factors_{name}.weight"] = numpy.array(rope[f"{name}_factor"], dtype=numpy.float32)
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_rope_dimension_count(int(head_dim * rope.get("partial_rotary_factor", 1)))
    return extra


def write_settings(writer, name, config, head_dim):
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    if name == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if name in ("gemma2", "gemma3"):
        writer.add_sliding_window(config.sliding_window)
    if name == "gemma3":
        writer.add_rope_freq_base_swa(config.rope_parameters["sliding_attention"]["rope_theta"])
    if name == "phi3":
        writer.add_sliding_window(config.sliding_window or 0)
    if hasattr(config, "num_experts_per_tok"):
        writer.add_expert_count(config.num_local_experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
    if name == "qwen3moe":
        writer.add_expert_feed_forward_length(config.moe_intermediate_size)
    if name == "granite":
        writer.add_attention_scale(config.attention_multiplier)
        writer.add_embedding_scale(config.embedding_multiplier)
        writer.add_residual_scale(config.residual_multiplier)
        writer.add_logit_scale(config.logits_scaling)


def write_tokenizer(writer, tokenizer):
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokenizer["tokens"])
    writer.add_token_types(tokenizer["tokenTypes"])
    writer.add_token_merges(tokenizer["merges"])
    writer.add_bos_token_id(tokenizer["bosTokenId"])
    writer.add_eos_token_id(tokenizer["eosTokenId"])
    writer.add_add_bos_token(False)


def write(path, name, model, tokenizer, kind):
    config = model.config
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer = gguf.GGUFWriter(path, name)
    write_settings(writer, name, config, head_dim)
    tensors = write_rope(writer, config.rope_parameters, config, head_dim)
    write_tokenizer(writer, tokenizer)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[name.upper()], config.num_hidden_layers)
    for key, value in model.state_dict().items():
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        data = value.numpy()
        if name in INTERLEAVED and "q_proj" in key:
            data = permute(data, config.num_attention_heads)
        if name in INTERLEAVED and "k_proj" in key:
            data = permute(data, config.num_key_value_heads)
        if name.startswith("gemma") and key.endswith("norm.weight"):
            data = data + 1
        layer = key.split(".")[2] if key.startswith("model.layers.") else ""
        if key.endswith("experts.gate_up_proj"):
            gate, up = numpy.split(data, 2, axis=1)
            tensors[f"blk.{layer}.ffn_gate_exps.weight"] = gate
            tensors[f"blk.{layer}.ffn_up_exps.weight"] = up
            continue
        if key.endswith("experts.down_proj"):
            key += ".weight"
        tensors[names.get_name(key, try_suffixes=(".weight", ".bias"))] = data
    for key, data in tensors.items():
        data = numpy.ascontiguousarray(data)
        stored = gguf.GGMLQuantizationType[kind if data.ndim > 1 else "F32"]
        writer.add_tensor(key, gguf.quantize(data, stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    torch.set_num_threads(1)
    asked = json.load(sys.stdin)
    greedy = {}
    for name, one in asked["models"].items():
        folder = f"{asked['folder']}/{name}"
        greedy[name] = make(folder, one["architecture"], one["config"], asked["tokens"], asked["numGreedy"])
        model = getattr(transformers, one["architecture"]).from_pretrained(folder, dtype=torch.float32)
        for kind in one["types"]:
            write(f"{folder}/{kind}.gguf", one["gguf"], model, asked["tokenizer"], kind)
    json.dump(greedy, sys.stdout)


main()
