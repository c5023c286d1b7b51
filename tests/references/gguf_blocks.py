"""Decodes blocks of GGUF's formats with the gguf package: sizes, numbers of the formats, values of random rows."""

import json
import sys

import numpy
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

answer = {}
for name, rows in json.load(sys.stdin).items():
    kind = GGMLQuantizationType[name]
    elements, size = GGML_QUANT_SIZES[kind]
    values = [dequantize(numpy.frombuffer(bytes.fromhex(row), dtype=numpy.uint8), kind) for row in rows]
    answer[name] = {
        "type": int(kind),
        "elements": elements,
        "bytes": size,
        "values": [numpy.asarray(row, dtype=numpy.float64).ravel().tolist() for row in values],
    }
json.dump(answer, sys.stdout)
