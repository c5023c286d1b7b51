// Products of floating weights.
#pragma once
#include "cpu/ops.h"
#include "cpu/simd/simd.h"

namespace aerie::cpu::AERIE_ISA {

// Weights of 16 rows for input `i` of a step of kInputs.
struct F32Weight {
    using Type = float;
    static constexpr int kInputs = 1;
    AERIE_INLINE static Floats at(const float* p, int) { return load(p); }
};
struct F16Weight {
    using Type = uint16_t;
    static constexpr int kInputs = 1;
    AERIE_INLINE static Floats at(const uint16_t* p, int) { return load_f16(p); }
};
struct Bf16Weight {
    using Type = uint16_t;
    static constexpr int kInputs = 2;
    AERIE_INLINE static Floats at(const uint16_t* p, int i) { return i ? load_second_bf16(p) : load_first_bf16(p); }
};

// out [R, 32], tiles `first_tile` .. first_tile + T - 1 of it.
template <class W, int R, int T>
AERIE_INLINE void dot_float_tiles(const uint8_t* panel, uint32_t cols, const float* x, float* out, int first_tile) {
    const auto* w = reinterpret_cast<const typename W::Type*>(panel) + first_tile * kTileRows * W::kInputs;
    Floats total[T][R];
    AERIE_UNROLL
    for (int t = 0; t < T; ++t) {
        AERIE_UNROLL
        for (int r = 0; r < R; ++r) total[t][r] = set1(0.0f);
    }
    const auto multiply = [&](uint32_t k, int i) __attribute__((always_inline)) {
        Floats weight[T];
        AERIE_UNROLL
        for (int t = 0; t < T; ++t) weight[t] = W::at(w + t * kTileRows * W::kInputs, i);
        AERIE_UNROLL
        for (int r = 0; r < R; ++r) {
            const Floats value = set1(x[size_t(r) * cols + k + i]);
            AERIE_UNROLL
            for (int t = 0; t < T; ++t) total[t][r] = fma(weight[t], value, total[t][r]);
        }
    };
    uint32_t k = 0;
    for (; k + W::kInputs <= cols; k += W::kInputs, w += kPanelRows * W::kInputs)
        for (int i = 0; i < W::kInputs; ++i) multiply(k, i);
    if (k < cols) multiply(k, 0);
    AERIE_UNROLL
    for (int t = 0; t < T; ++t) {
        AERIE_UNROLL
        for (int r = 0; r < R; ++r) store(out + r * kPanelRows + (first_tile + t) * kTileRows, total[t][r]);
    }
}

// out [R, 32] = panel [cols, 32] * R rows of x
template <class W, int R>
void dot_float(const uint8_t* panel, uint32_t cols, const float* x, float* out) {
    if constexpr (kManyRegisters) {
        dot_float_tiles<W, R, 2>(panel, cols, x, out, 0);
    } else {
        constexpr int kFirst = R < 4 ? R : 4;
        for (int t = 0; t < 2; ++t) {
            dot_float_tiles<W, kFirst, 1>(panel, cols, x, out, t);
            if constexpr (R > kFirst)
                dot_float_tiles<W, R - kFirst, 1>(panel, cols, x + size_t(kFirst) * cols, out + kFirst * kPanelRows, t);
        }
    }
}

}  // namespace aerie::cpu::AERIE_ISA
