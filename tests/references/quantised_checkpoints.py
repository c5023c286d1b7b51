"""Quantises the linear layers of a tiny float checkpoint as quantisers store them.

Input: {"folder", "out", "schemes"}, a folder with model.safetensors in float32 and where to write to. For every scheme
there are then two folders: <out>/<scheme> as the quantiser stores it, and <out>/<scheme>-float with the values that the
stored numbers stand for, in float32. compressed-tensors writes its own formats; the others are written here by the
definitions of AutoGPTQ (zero points less one), AutoAWQ (its order of columns) and DeepSeek-V3 (weight_scale_inv).
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from compressed_tensors.compressors import PackedQuantizationCompressor
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from safetensors.torch import load_file, save_file

AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]
LINEAR = ("_proj.weight",)


def words(numbers: torch.Tensor, order=range(8)) -> torch.Tensor:
    """Packs [n, 8 k] numbers of 4 bits along the second dimension into [n, k] words; place i takes column order[i]."""
    grouped = numbers.to(torch.int64).reshape(numbers.shape[0], -1, 8)
    packed = sum(grouped[:, :, column] << 4 * place for place, column in enumerate(order))
    return packed.to(torch.uint32).view(torch.int32).contiguous()


def asymmetric(weight: torch.Tensor, groups: torch.Tensor):
    """Numbers 0..15 [rows, cols], float16 scales and zero points [rows, groups]; groups: group of each input."""
    rows, count = weight.shape[0], int(groups.max()) + 1
    scales, zeros = torch.empty(rows, count, dtype=torch.float16), torch.empty(rows, count, dtype=torch.int64)
    for group in range(count):
        part = weight[:, groups == group]
        low, high = part.amin(1).clamp(max=0), part.amax(1).clamp(min=0)
        scales[:, group] = ((high - low) / 15).to(torch.float16)
        zeros[:, group] = (-low / scales[:, group].float()).round().clamp(0, 15).long()
    scale, zero = scales.float()[:, groups], zeros[:, groups]
    numbers = ((weight / scale).round() + zero).clamp(0, 15).long()
    return numbers, scales, zeros, (numbers - zero) * scale


def in_order(cols: int, size: int) -> torch.Tensor:
    return torch.arange(cols) // size


def gptq(weight, size, act_order=False, version="gptq"):
    groups = in_order(weight.shape[1], size)
    if act_order:
        groups = groups[torch.randperm(len(groups), generator=torch.Generator().manual_seed(1))]
    numbers, scales, zeros, values = asymmetric(weight, groups)
    stored = (zeros - 1) % 16 if version == "gptq" else zeros
    return {
        "qweight": words(numbers).T.contiguous(),
        "qzeros": words(stored.T),
        "scales": scales.T.contiguous(),
        "g_idx": groups.to(torch.int32),
    }, values


def awq(weight, size):
    numbers, scales, zeros, values = asymmetric(weight, in_order(weight.shape[1], size))
    return {
        "qweight": words(numbers.T, AWQ_ORDER),
        "qzeros": words(zeros.T, AWQ_ORDER),
        "scales": scales.T.contiguous(),
    }, values


def fp8(weight, block=None):
    rows, cols = weight.shape
    height, width = block or (rows, cols)
    grid = torch.empty(-(-rows // height), -(-cols // width))
    numbers = torch.empty(rows, cols, dtype=torch.float8_e4m3fn)
    values = torch.empty(rows, cols)
    for i in range(grid.shape[0]):
        for j in range(grid.shape[1]):
            at = (slice(i * height, (i + 1) * height), slice(j * width, (j + 1) * width))
            grid[i, j] = weight[at].abs().max() / 448
            numbers[at] = (weight[at] / grid[i, j]).to(torch.float8_e4m3fn)
            values[at] = numbers[at].float() * grid[i, j]
    if block:
        return {"weight": numbers, "weight_scale_inv": grid}, values
    return {"weight": numbers, "weight_scale": grid[0, 0].clone()}, values


def int8(weight):
    scale = (weight.abs().amax(1, keepdim=True) / 127).to(torch.bfloat16)
    numbers = (weight / scale.float()).round().clamp(-128, 127).to(torch.int8)
    return {"weight": numbers, "weight_scale": scale}, numbers.float() * scale.float()


def compressed(weight, bits, size, symmetric):
    """By compressed-tensors itself."""
    strategy = "channel" if size is None else "group"
    args = QuantizationArgs(num_bits=bits, type="int", symmetric=symmetric, strategy=strategy, group_size=size)
    scheme = QuantizationScheme(targets=["Linear"], weights=args, format="pack-quantized")
    grouped = weight.reshape(weight.shape[0], -1, size or weight.shape[1])
    low, high, levels = grouped.amin(2), grouped.amax(2), 2**bits - 1
    state = {"weight": weight}
    if symmetric:
        state["weight_scale"] = (torch.maximum(-low, high) * 2 / levels).to(torch.bfloat16).float()
    else:
        state["weight_scale"] = ((high.clamp(min=0) - low.clamp(max=0)) / levels).to(torch.bfloat16).float()
        zero = (-low.clamp(max=0) / state["weight_scale"]).round() - 2 ** (bits - 1)
        state["weight_zero_point"] = zero.clamp(-8, 7).to(torch.int8)
    stored = PackedQuantizationCompressor.compress(state, scheme)
    values = PackedQuantizationCompressor.decompress(dict(stored), scheme)["weight"].float()
    return stored, values


def packed_config(bits, size, symmetric):
    weights = {"num_bits": bits, "type": "int", "symmetric": symmetric, "group_size": size}
    return compressed_config("pack-quantized", {**weights, "strategy": "group" if size else "channel"})


def compressed_config(form, weights):
    groups = {"group_0": {"targets": ["Linear"], "weights": weights, "input_activations": None}}
    return {"quant_method": "compressed-tensors", "format": form, "config_groups": groups, "ignore": ["lm_head"]}


def gptq_config(size, **more):
    return {"quant_method": "gptq", "bits": 4, "group_size": size, "desc_act": False, "sym": False, **more}


def awq_config(size):
    return {"quant_method": "awq", "bits": 4, "group_size": size, "zero_point": True, "version": "gemm"}


SCHEMES = {
    "gptq-32": (gptq_config(32), lambda w: gptq(w, 32)),
    "gptq-128": (gptq_config(128), lambda w: gptq(w, 128)),
    "gptq-act-order": (gptq_config(64, desc_act=True), lambda w: gptq(w, 64, act_order=True)),
    "gptq-v2": (gptq_config(64, checkpoint_format="gptq_v2"), lambda w: gptq(w, 64, version="gptq_v2")),
    "awq-64": (awq_config(64), lambda w: awq(w, 64)),
    "awq-128": (awq_config(128), lambda w: awq(w, 128)),
    "fp8-tensor": ({"quant_method": "fp8", "activation_scheme": "static"}, fp8),
    "fp8-block": (
        {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]},
        lambda w: fp8(w, (128, 128)),
    ),
    "int4-64": (packed_config(4, 64, True), lambda w: compressed(w, 4, 64, True)),
    "int4-asymmetric": (packed_config(4, 128, False), lambda w: compressed(w, 4, 128, False)),
    "int8-packed": (packed_config(8, None, True), lambda w: compressed(w, 8, None, True)),
    "int8-channel": (
        compressed_config("int-quantized", {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel"}),
        int8,
    ),
}


def main():
    asked = json.load(sys.stdin)
    folder, out = Path(asked["folder"]), Path(asked["out"])
    tensors, config = load_file(folder / "model.safetensors"), json.loads((folder / "config.json").read_text())
    for scheme in asked["schemes"]:
        quantization, quantise = SCHEMES[scheme]
        stored, values = {}, {}
        for name, tensor in tensors.items():
            if not name.endswith(LINEAR):
                stored[name] = values[name] = tensor
                continue
            parts, values[name] = quantise(tensor)
            module = name.removesuffix(".weight")
            stored.update({f"{module}.{part}": each for part, each in parts.items()})
        for target, content, extra in (
            (out / scheme, stored, {"quantization_config": quantization}),
            (out / f"{scheme}-float", values, {}),
        ):
            shutil.copytree(folder, target)
            save_file({name: each.contiguous() for name, each in content.items()}, target / "model.safetensors")
            (target / "config.json").write_text(json.dumps({**config, **extra}))
    json.dump(list(SCHEMES), sys.stdout)


main()
