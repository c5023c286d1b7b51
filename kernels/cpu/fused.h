// Pieces of arithmetic that stand-alone ops and fused ones share, so that both give the same bits.
#pragma once
#include "cpu/kv_cache.h"
#include "cpu/ops.h"
#include "cpu/simd/simd.h"

namespace aerie::cpu::AERIE_ISA {

// One block of 32 inputs to int8 with one scale.
AERIE_INLINE void quantize_block(Floats first, Floats second, const QuantizedRows& out, uint32_t row, uint32_t block) {
    const float largest = reduce_max(max(abs(first), abs(second)));
    const Floats inverse = set1(largest > 0 ? 127.0f / largest : 0.0f);
    const Ints a = round(mul(first, inverse)), b = round(mul(second, inverse));
    int8_t* quants = out.quants + (size_t(block) * out.num_rows + row) * kBlock;
    store_i8(quants, a);
    store_i8(quants + 16, b);
    const int32_t sum = reduce_add(add(a, b));
    const float scale = largest / 127.0f;
    const size_t at = size_t(block) * out.stride + row;
    out.scale[at] = scale;
    out.sum[at] = scale * float(sum);
    out.bias[at] = -128 * sum;
}

// 1 / sqrt(mean(x^2) + eps) of one row or group
AERIE_INLINE float inverse_rms(const float* x, uint32_t cols, float eps) {
    Floats squares = set1(0.0f);
    for (uint32_t i = 0; i < cols; i += 16) {
        const Floats v = load_n(x + i, cols - i);
        squares = fma(v, v, squares);
    }
    return 1.0f / __builtin_sqrtf(reduce_add(squares) / float(cols) + eps);
}

AERIE_INLINE Floats scaled(Floats x, Floats inverse, Floats weight) { return mul(mul(x, inverse), weight); }

// silu(gate) * up
AERIE_INLINE Floats silu_mul(Floats gate, Floats up) {
    return div(mul(gate, up), add(set1(1.0f), exp(sub(set1(0.0f), gate))));
}

// gelu(gate) * up by gelu's tanh approximation: x * (1 + tanh(u)) / 2 is x / (1 + exp(-2 u)).
AERIE_INLINE Floats gelu_mul(Floats gate, Floats up) {
    const Floats cubic = fma(mul(mul(gate, gate), gate), set1(0.044715f), gate);
    return div(mul(gate, up), add(set1(1.0f), exp(mul(cubic, set1(-1.5957691216057308f)))));
}

// Rotates pairs (i, i + half) of a head in place; angles: cosines [half], then sines [half].
AERIE_INLINE void rotate(float* x, const float* angles, uint32_t half) {
    for (uint32_t i = 0; i < half; i += 16) {
        const uint32_t n = half - i;
        const Floats a = load_n(x + i, n), b = load_n(x + half + i, n);
        const Floats c = load_n(angles + i, n), s = load_n(angles + half + i, n);
        store_n(x + i, sub(mul(a, c), mul(b, s)), n);
        store_n(x + half + i, add(mul(b, c), mul(a, s)), n);
    }
}

// Rounds `count` numbers, a multiple of 16, to nearest even.
AERIE_INLINE void round_to(float* out, const float* x, uint32_t count) { memcpy(out, x, count * sizeof(float)); }
AERIE_INLINE void round_to(Bfloat16* out, const float* x, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) out[i].bits = f32_to_bf16(x[i]);
}
AERIE_INLINE void round_to(Float16* out, const float* x, uint32_t count) {
    for (uint32_t i = 0; i < count; i += 16) store_f16(&out[i].bits, load(x + i));
}

// Stores key and value [head_dim] of one KV head at a slot.
template <class T>
AERIE_INLINE void store_kv(KvPool& kv, uint32_t layer, uint32_t slot, uint32_t head, const float* key,
                           const float* value) {
    const uint32_t dim = kv.head_dim;
    T* const pool = numbers<T>(kv);
    T* keys = pool + key_offset(kv, layer, slot, head);
    T* values = pool + value_offset(kv, layer, slot, head);
    T rounded[kMaxHeadDim];
    round_to(rounded, key, dim);
    for (uint32_t d = 0; d < dim; ++d) keys[d * 16] = rounded[d];
    round_to(values, value, dim);
}

}  // namespace aerie::cpu::AERIE_ISA
