// out = x * weight^T (+ residual). Every pass over a unit (32 weight rows) serves up to eight rows of x: the weights
// are read once from memory, each activation word is loaded once and used for both tiles.
#include "cpu/ops.h"
#include "cpu/quantise.h"

namespace aerie::cpu::AERIE_ISA {
namespace {

constexpr uint32_t kGroup = 8;  // rows of x per pass: 16 accumulators of the 32 registers

// tile [C, 32] = unit * activations[column .. column + C]. One variant per packed format and C.
template <int Format>
struct Quants;
template <>
struct Quants<kPackedQ4> {
    static constexpr uint32_t kScalesAt = kQ4ScalesAt, kBytes = 640;
    static constexpr bool kMinimum = true;
    // Inputs 4v .. 4v+3 in the low nibbles, 16 further in the high ones.
    AERIE_INLINE static void load(const uint8_t* p, int tile, int v, Bytes& low, Bytes& high) {
        const Bytes both = load_bytes(p + tile * 256 + v * 64);
        low = low_nibbles(both);
        high = high_nibbles(both);
    }
};
struct ByteQuants {
    static constexpr uint32_t kScalesAt = kQ8ScalesAt;
    AERIE_INLINE static void load(const uint8_t* p, int tile, int v, Bytes& low, Bytes& high) {
        low = load_bytes(p + tile * 512 + v * 64);
        high = load_bytes(p + tile * 512 + v * 64 + 256);
    }
};
template <>
struct Quants<kPackedQ5> : ByteQuants {
    static constexpr uint32_t kBytes = 1152;
    static constexpr bool kMinimum = true;
};
template <>
struct Quants<kPackedQ8> : ByteQuants {
    static constexpr uint32_t kBytes = 1088;
    static constexpr bool kMinimum = false;
};

AERIE_INLINE int32_t word(const int8_t* p) {
    int32_t value;
    memcpy(&value, p, 4);
    return value;
}

template <int Format, int C>
void dot_quantised(const uint8_t* unit, uint32_t cols, const Activations& x, uint32_t column, float* tile) {
    using Q = Quants<Format>;
    const size_t rows = x.num_rows;
    const int8_t* quants = x.quants + size_t(column) * kBlock;
    const float *scale = x.scale + column, *sum = x.sum + column;
    const int32_t* bias = x.bias + column;
    Floats total[2][C];
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) total[0][c] = total[1][c] = set1(0.0f);
    for (uint32_t block = 0; block < cols / kBlock; ++block) {
        Ints acc[2][C];
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) acc[0][c] = acc[1][c] = set1(!Q::kMinimum && kBiasedBytes ? bias[c] : 0);
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) {
            Bytes low[2], high[2];
            for (int t = 0; t < 2; ++t) Q::load(unit, t, v, low[t], high[t]);
#pragma GCC unroll 8
            for (int c = 0; c < C; ++c) {
                const int32_t a = word(quants + c * kBlock + v * 4), b = word(quants + c * kBlock + v * 4 + 16);
                for (int t = 0; t < 2; ++t) {
                    acc[t][c] = Q::kMinimum ? dot_small(acc[t][c], low[t], a) : dot_offset(acc[t][c], low[t], a);
                    acc[t][c] = Q::kMinimum ? dot_small(acc[t][c], high[t], b) : dot_offset(acc[t][c], high[t], b);
                }
            }
        }
#pragma GCC unroll 2
        for (int t = 0; t < 2; ++t) {
            const uint16_t* scales = reinterpret_cast<const uint16_t*>(unit + Q::kScalesAt) + t * kTileRows;
            const Floats d = load_f16(scales);
            const Floats m = Q::kMinimum ? load_f16(scales + kUnitRows) : d;
#pragma GCC unroll 8
            for (int c = 0; c < C; ++c) {
                if (Q::kMinimum) total[t][c] = fma(m, set1(sum[c]), total[t][c]);
                total[t][c] = fma(mul(to_float(acc[t][c]), d), set1(scale[c]), total[t][c]);
            }
        }
        unit += Q::kBytes;
        quants += rows * kBlock;
        scale += rows;
        sum += rows;
        bias += rows;
    }
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c)
        for (int t = 0; t < 2; ++t) store(tile + c * kUnitRows + t * kTileRows, total[t][c]);
}

template <class T>
AERIE_INLINE Floats load_weight(const T* p);
struct F32Weight { using Type = float; AERIE_INLINE static Floats at(const float* p) { return load(p); } };
struct F16Weight { using Type = uint16_t; AERIE_INLINE static Floats at(const uint16_t* p) { return load_f16(p); } };
struct Bf16Weight { using Type = uint16_t; AERIE_INLINE static Floats at(const uint16_t* p) { return load_bf16(p); } };

template <class W, int C>
void dot_float(const uint8_t* unit, uint32_t cols, const float* x, float* tile) {
    const auto* w = reinterpret_cast<const typename W::Type*>(unit);
    Floats total[2][C];
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) total[0][c] = total[1][c] = set1(0.0f);
    for (uint32_t k = 0; k < cols; ++k, w += kUnitRows) {
        const Floats first = W::at(w), second = W::at(w + kTileRows);
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) {
            const Floats value = set1(x[size_t(c) * cols + k]);
            total[0][c] = fma(first, value, total[0][c]);
            total[1][c] = fma(second, value, total[1][c]);
        }
    }
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c)
        for (int t = 0; t < 2; ++t) store(tile + c * kUnitRows + t * kTileRows, total[t][c]);
}

using QuantisedDot = void (*)(const uint8_t*, uint32_t, const Activations&, uint32_t, float*);
using FloatDot = void (*)(const uint8_t*, uint32_t, const float*, float*);

#define AERIE_GROUPS(f, first) \
    { &f<first, 1>, &f<first, 2>, &f<first, 3>, &f<first, 4>, &f<first, 5>, &f<first, 6>, &f<first, 7>, &f<first, 8> }
constexpr QuantisedDot kQuantisedDots[3][kGroup] = {AERIE_GROUPS(dot_quantised, kPackedQ4),
                                                    AERIE_GROUPS(dot_quantised, kPackedQ5),
                                                    AERIE_GROUPS(dot_quantised, kPackedQ8)};
constexpr FloatDot kFloatDots[3][kGroup] = {AERIE_GROUPS(dot_float, F32Weight), AERIE_GROUPS(dot_float, F16Weight),
                                            AERIE_GROUPS(dot_float, Bf16Weight)};
#undef AERIE_GROUPS

// One unit times all rows of x, in near-equal groups, into out (+ residual).
void unit_times_rows(const Op& op, const WeightPart& part, uint32_t unit, const Activations& x, uint32_t num_rows) {
    const uint32_t cols = op.weight->cols, out_cols = op.out->cols;
    const uint8_t* data = part.data + packed_unit_bytes(PackedFormat(part.packed_format), cols) * unit;
    const uint32_t first = part.first_row + unit * kUnitRows;
    const uint32_t left = part.num_rows - unit * kUnitRows, width = left < kUnitRows ? left : kUnitRows;
    const uint32_t groups = (num_rows + kGroup - 1) / kGroup;
    alignas(64) float tile[kGroup * kUnitRows];
    for (uint32_t group = 0, row = 0; group < groups; ++group) {
        const uint32_t count = (num_rows - row) / (groups - group);
        if (is_quantised(part.packed_format)) {
            kQuantisedDots[part.packed_format - kPackedQ4][count - 1](data, cols, x, row, tile);
        } else {
            kFloatDots[part.packed_format][count - 1](data, cols, op.x->data + size_t(row) * cols, tile);
        }
        for (uint32_t c = 0; c < count; ++c, ++row) {
            const size_t at = size_t(row) * out_cols + first;
            for (uint32_t t = 0; t < width; t += kTileRows) {
                const uint32_t n = width - t < kTileRows ? width - t : kTileRows;
                Floats value = load(tile + c * kUnitRows + t);
                if (op.y) value = add(value, load_n(op.y->data + at + t, n));
                store_n(op.out->data + at + t, value, n);
            }
        }
    }
}

// The input as int8: few rows are quantised by every thread for itself, many are shared out.
Activations quantised_input(const Op& op, const Worker& worker, uint32_t num_rows) {
    const bool alone = num_rows <= kPrivateRows || worker.num_threads == 1;
    const ActivationBuffer& buffer = num_rows <= kPrivateRows ? worker.scratch->activations : *op.activations;
    const Activations x = buffer.layout(num_rows, op.weight->cols);
    uint32_t first = 0, last = num_rows;
    if (!alone) worker.share(num_rows, first, last);
    for (uint32_t row = first; row < last; ++row)
        quantise_row(op.x->data + size_t(row) * op.weight->cols, op.weight->cols, x, row);
    if (!alone) worker.barrier();
    return x;
}

}  // namespace

void linear(const Op& op, const Worker& worker) {
    const uint32_t num_rows = rows_of(*op.out);
    if (!num_rows) return;
    Activations x;
    if (op.activations) x = quantised_input(op, worker, num_rows);
    uint32_t first, last;
    worker.share(op.weight->num_units, first, last);
    for (const WeightPart& part : op.weight->parts) {
        const uint32_t end = part.first_unit + part.num_units;
        for (uint32_t unit = first > part.first_unit ? first : part.first_unit; unit < last && unit < end; ++unit)
            unit_times_rows(op, part, unit - part.first_unit, x, num_rows);
    }
}

}  // namespace aerie::cpu::AERIE_ISA
