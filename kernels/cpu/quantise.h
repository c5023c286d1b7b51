// Activations to int8 with one scale per 32 inputs.
#pragma once
#include "cpu/ops.h"
#include "cpu/simd.h"

namespace aerie::cpu::AERIE_ISA {

// Block `block` of row `row`: 32 values in two vectors.
AERIE_INLINE void quantise_block(Floats first, Floats second, const Activations& out, uint32_t row, uint32_t block) {
    const float largest = reduce_max(max(abs(first), abs(second)));
    const Floats inverse = set1(largest > 0 ? 127.0f / largest : 0.0f);
    const Ints a = round(mul(first, inverse)), b = round(mul(second, inverse));
    const size_t at = size_t(block) * out.num_rows + row;
    store_i8(out.quants + at * kBlock, a);
    store_i8(out.quants + at * kBlock + 16, b);
    const int32_t sum = reduce_add(add(a, b));
    const float scale = largest / 127.0f;
    out.scale[at] = scale;
    out.sum[at] = scale * float(sum);
    out.bias[at] = -128 * sum;
}

// x [cols], cols a multiple of 32.
AERIE_INLINE void quantise_row(const float* x, uint32_t cols, const Activations& out, uint32_t row) {
    for (uint32_t i = 0; i < cols; i += kBlock) quantise_block(load(x + i), load(x + i + 16), out, row, i / kBlock);
}

}  // namespace aerie::cpu::AERIE_ISA
