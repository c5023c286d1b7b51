// Products of one unit of a weight (32 rows) with a group of rows of activations: what `linear` is made of.
#pragma once
#include "cpu/ops.h"
#include "cpu/simd/simd.h"

namespace aerie::cpu::AERIE_ISA {

constexpr uint32_t kGroup = 8;  // rows of x per pass, but for tiles

// Where the parts of a packed block lie; see PackedFormat.
template <int Format>
struct Layout;
template <>
struct Layout<kPackedQ4> {
    static constexpr uint32_t kScalesAt = kQ4ScalesAt, kBytes = kQ4ScalesAt + 128;
    static constexpr bool kMinimum = true;
};
template <>
struct Layout<kPackedQ5> {
    static constexpr uint32_t kScalesAt = kQ8ScalesAt, kBytes = kQ8ScalesAt + 128;
    static constexpr bool kMinimum = true;
};
template <>
struct Layout<kPackedQ8> {
    static constexpr uint32_t kScalesAt = kQ8ScalesAt, kBytes = kQ8ScalesAt + 64;
    static constexpr bool kMinimum = false;
};

// Four activations.
AERIE_INLINE int32_t word(const int8_t* p) {
    int32_t value;
    memcpy(&value, p, 4);
    return value;
}

// What comes next in the weight stream is fetched while this part is used. The groups of a wide batch pass over a unit
// several times; each fetches its share of the next unit, so the memory never idles while they compute.
struct Prefetch {
    const uint8_t* at;
    uint32_t lines;  // per block

    AERIE_INLINE void step() {
        for (uint32_t i = 0; i < lines; ++i, at += 64) __builtin_prefetch(at);
    }
};

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

// tile [C, 32], tiles `first_tile` .. first_tile + T - 1 of it.
template <class W, int C, int T>
AERIE_INLINE void dot_float_tiles(const uint8_t* unit, uint32_t cols, const float* x, float* tile, int first_tile) {
    const auto* w = reinterpret_cast<const typename W::Type*>(unit) + first_tile * kTileRows * W::kInputs;
    Floats total[T][C];
    AERIE_UNROLL
    for (int t = 0; t < T; ++t) {
        AERIE_UNROLL
        for (int c = 0; c < C; ++c) total[t][c] = set1(0.0f);
    }
    const auto multiply = [&](uint32_t k, int i) __attribute__((always_inline)) {
        Floats weight[T];
        AERIE_UNROLL
        for (int t = 0; t < T; ++t) weight[t] = W::at(w + t * kTileRows * W::kInputs, i);
        AERIE_UNROLL
        for (int c = 0; c < C; ++c) {
            const Floats value = set1(x[size_t(c) * cols + k + i]);
            AERIE_UNROLL
            for (int t = 0; t < T; ++t) total[t][c] = fma(weight[t], value, total[t][c]);
        }
    };
    uint32_t k = 0;
    for (; k + W::kInputs <= cols; k += W::kInputs, w += kUnitRows * W::kInputs)
        for (int i = 0; i < W::kInputs; ++i) multiply(k, i);
    if (k < cols) multiply(k, 0);
    AERIE_UNROLL
    for (int t = 0; t < T; ++t) {
        AERIE_UNROLL
        for (int c = 0; c < C; ++c) store(tile + c * kUnitRows + (first_tile + t) * kTileRows, total[t][c]);
    }
}

// tile [C, 32] = unit [cols, 32] * C rows of x
template <class W, int C>
void dot_float(const uint8_t* unit, uint32_t cols, const float* x, float* tile) {
    if constexpr (kManyRegisters) {
        dot_float_tiles<W, C, 2>(unit, cols, x, tile, 0);
    } else {
        constexpr int kFirst = C < 4 ? C : 4;
        for (int t = 0; t < 2; ++t) {
            dot_float_tiles<W, kFirst, 1>(unit, cols, x, tile, t);
            if constexpr (C > kFirst)
                dot_float_tiles<W, C - kFirst, 1>(unit, cols, x + size_t(kFirst) * cols, tile + kFirst * kUnitRows, t);
        }
    }
}

}  // namespace aerie::cpu::AERIE_ISA

// dot_columns<Format, C>: tile [C, 32] = unit * rows `column` .. column + C - 1 of int8 activations.
#if defined(__AVX2__) && !defined(__AVX512F__)
#include "cpu/dot/dot_few_registers.h"
#else
#include "cpu/dot/dot_many_registers.h"
#endif

#if defined(__AMX_BF16__)
#include "cpu/dot/dot_tiles.h"
#else
namespace aerie::cpu::AERIE_ISA {
constexpr bool kTiled = false;
constexpr uint32_t kMaxGroup = kGroup;
struct Tiles {
    explicit Tiles(bool) {}
};
inline void split_row(uint16_t*, const float*, uint32_t) {}
inline void dot_split(const uint8_t*, uint32_t, const uint16_t*, uint32_t, float*, Prefetch) {}
}  // namespace aerie::cpu::AERIE_ISA
#endif
