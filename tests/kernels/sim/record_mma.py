"""Records what PyPI's mmasim computes for random tiles of mma.m16n8k16, bit by bit.

`python record_mma.py 16 sample.json` writes so many tiles of each type with bf16 and f16 operands;
a second name writes the same as one binary file, for more tiles than a repository should hold.
A tile is a [16][16] and b [16][8] of 16 bits, c [16][8] of fp32, d by sm_80 and d by sm_90.
Needs mmasim 2.1.1 and torch.
"""

import base64
import json
import sys

import torch
from mmasim.nv_ptx import MMA

DEVICES = ("Ampere", "Hopper")
TYPES = {"bf16": torch.bfloat16, "f16": torch.float16}
KINDS = 8
BATCH = 2000


def spread(shape, low, high):
    """Numbers of both signs whose exponents are anywhere between two."""
    return torch.randn(shape) * torch.exp2(torch.randint(low, high, shape).float())


def tile(kind, dtype):
    """Operands a, b and addend c of a kind: of one size, of many, tiny, huge, cancelling, sparse, integer, special."""
    shapes = (16, 16), (16, 8), (16, 8)
    low, high = (-14, 8) if dtype is torch.float16 else (-60, 40)
    if kind == 1:
        a, b, c = (spread(shape, low, high) for shape in shapes)
    elif kind == 2:
        tiny = (-24, -10) if dtype is torch.float16 else (-133, -60)
        a, b, c = spread(shapes[0], *tiny), spread(shapes[1], *tiny), spread(shapes[2], -149, -120)
    elif kind == 3:
        huge = (8, 15) if dtype is torch.float16 else (40, 100)
        a, b, c = spread(shapes[0], *huge), spread(shapes[1], *huge), spread(shapes[2], 100, 126)
    elif kind == 4:
        a, b, c = (torch.randn(shape) for shape in shapes)
        a[:, 8:], b[8:] = -a[:, :8], b[:8]
        c *= 2.0**-12
    elif kind == 5:
        a, b, c = (torch.randn(shape) * (torch.rand(shape) < 0.3) for shape in shapes)
    elif kind == 6:
        a, b, c = (torch.randint(-128, 128, shape).float() for shape in shapes)
    else:
        a, b, c = (torch.randn(shape) for shape in shapes)
    if kind == 7:
        for values in (a, b, c):
            flat = values.view(-1)
            for value in (float("inf"), float("-inf"), float("nan"), 0.0):
                flat[torch.randint(0, len(flat), (1,))] = value
    return a.to(dtype), b.to(dtype), c.float()


def bits(values):
    kind = torch.int32 if values.dtype is torch.float32 else torch.int16
    return values.contiguous().view(kind).numpy()


def main():
    count, path = int(sys.argv[1]), sys.argv[2]
    torch.manual_seed(int(sys.argv[4]) if len(sys.argv) > 4 else 21)
    record = {}
    for name, dtype in TYPES.items():
        units = [MMA(device, f"m16n8k16.f32.{name}.{name}.f32") for device in DEVICES]
        tiles = bytearray()
        for first in range(0, count, BATCH):
            places = range(first, min(first + BATCH, count))
            a, b, c = map(torch.stack, zip(*(tile(i % KINDS, dtype) for i in places)))
            rows = a[:, :, None, :].expand(-1, -1, 8, -1)
            columns = b.transpose(1, 2)[:, None, :, :].expand(-1, 16, -1, -1)
            parts = [bits(part) for part in (a, b, c, *(unit.dpa(rows, columns, c) for unit in units))]
            for i in range(len(places)):
                for part in parts:
                    tiles += part[i].tobytes()
        record[name] = bytes(tiles)
    if len(sys.argv) > 3 and sys.argv[3]:
        with open(sys.argv[3], "wb") as file:
            for tiles in record.values():
                file.write(tiles)
    with open(path, "w") as file:
        json.dump({name: base64.b64encode(tiles).decode() for name, tiles in record.items()}, file)
        file.write("\n")


if __name__ == "__main__":
    main()
