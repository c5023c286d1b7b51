// out = x * weight^T (+ residual). Every pass over a unit (32 weight rows) serves up to eight rows of x: the weights
// are read once from memory, each activation word is loaded once and used for both tiles.
#include "cpu/fused.h"

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

// What comes next in the weight stream is fetched while this part is used. The groups of a wide batch pass over a unit
// several times; each fetches its share of the next unit, so the memory never idles while they compute.
struct Prefetch {
    const uint8_t* at;
    uint32_t lines;  // per block

    AERIE_INLINE void step() {
        for (uint32_t i = 0; i < lines; ++i, at += 64) __builtin_prefetch(at);
    }
};

template <int Format, int C>
void dot_quantised(const uint8_t* unit, uint32_t cols, const Activations& x, uint32_t column, float* tile,
                   Prefetch prefetch) {
    using Q = Quants<Format>;
    const size_t rows = x.num_rows, stride = x.stride;
    const int8_t* quants = x.quants + size_t(column) * kBlock;
    const float *scale = x.scale + column, *sum = x.sum + column;
    const int32_t* bias = x.bias + column;
    Floats total[2][C];
    AERIE_UNROLL
    for (int c = 0; c < C; ++c) total[0][c] = total[1][c] = set1(0.0f);
    for (uint32_t block = 0; block < cols / kBlock; ++block) {
        prefetch.step();
        Ints acc[2][C];
        AERIE_UNROLL
        for (int c = 0; c < C; ++c) acc[0][c] = acc[1][c] = set1(!Q::kMinimum && kBiasedBytes ? bias[c] : 0);
        AERIE_UNROLL
        for (int v = 0; v < 4; ++v) {
            Bytes low[2], high[2];
            for (int t = 0; t < 2; ++t) Q::load(unit, t, v, low[t], high[t]);
            AERIE_UNROLL
            for (int c = 0; c < C; ++c) {
                const int32_t a = word(quants + c * kBlock + v * 4), b = word(quants + c * kBlock + v * 4 + 16);
                for (int t = 0; t < 2; ++t) {
                    acc[t][c] = Q::kMinimum ? dot_small(acc[t][c], low[t], a) : dot_offset(acc[t][c], low[t], a);
                    acc[t][c] = Q::kMinimum ? dot_small(acc[t][c], high[t], b) : dot_offset(acc[t][c], high[t], b);
                }
            }
        }
        AERIE_UNROLL
        for (int t = 0; t < 2; ++t) {
            const uint16_t* scales = reinterpret_cast<const uint16_t*>(unit + Q::kScalesAt) + t * kTileRows;
            const Floats d = load_f16(scales);
            const Floats m = Q::kMinimum ? load_f16(scales + kUnitRows) : d;
            AERIE_UNROLL
            for (int c = 0; c < C; ++c) {
                if (Q::kMinimum) total[t][c] = fma(m, set1(sum[c]), total[t][c]);
                total[t][c] = fma(mul(to_float(acc[t][c]), d), set1(scale[c]), total[t][c]);
            }
        }
        unit += Q::kBytes;
        quants += rows * kBlock;
        scale += stride;
        sum += stride;
        bias += stride;
    }
    AERIE_UNROLL
    for (int c = 0; c < C; ++c)
        for (int t = 0; t < 2; ++t) store(tile + c * kUnitRows + t * kTileRows, total[t][c]);
}

struct F32Weight {
    using Type = float;
    AERIE_INLINE static Floats at(const float* p) { return load(p); }
};
struct F16Weight {
    using Type = uint16_t;
    AERIE_INLINE static Floats at(const uint16_t* p) { return load_f16(p); }
};
struct Bf16Weight {
    using Type = uint16_t;
    AERIE_INLINE static Floats at(const uint16_t* p) { return load_bf16(p); }
};

template <class W, int C>
void dot_float(const uint8_t* unit, uint32_t cols, const float* x, float* tile) {
    const auto* w = reinterpret_cast<const typename W::Type*>(unit);
    Floats total[2][C];
    AERIE_UNROLL
    for (int c = 0; c < C; ++c) total[0][c] = total[1][c] = set1(0.0f);
    for (uint32_t k = 0; k < cols; ++k, w += kUnitRows) {
        const Floats first = W::at(w), second = W::at(w + kTileRows);
        AERIE_UNROLL
        for (int c = 0; c < C; ++c) {
            const Floats value = set1(x[size_t(c) * cols + k]);
            total[0][c] = fma(first, value, total[0][c]);
            total[1][c] = fma(second, value, total[1][c]);
        }
    }
    AERIE_UNROLL
    for (int c = 0; c < C; ++c)
        for (int t = 0; t < 2; ++t) store(tile + c * kUnitRows + t * kTileRows, total[t][c]);
}

using QuantisedDot = void (*)(const uint8_t*, uint32_t, const Activations&, uint32_t, float*, Prefetch);
using FloatDot = void (*)(const uint8_t*, uint32_t, const float*, float*);

#define AERIE_GROUPS(f, first) \
    { &f<first, 1>, &f<first, 2>, &f<first, 3>, &f<first, 4>, &f<first, 5>, &f<first, 6>, &f<first, 7>, &f<first, 8> }
constexpr QuantisedDot kQuantisedDots[3][kGroup] = {AERIE_GROUPS(dot_quantised, kPackedQ4),
                                                    AERIE_GROUPS(dot_quantised, kPackedQ5),
                                                    AERIE_GROUPS(dot_quantised, kPackedQ8)};
constexpr FloatDot kFloatDots[3][kGroup] = {AERIE_GROUPS(dot_float, F32Weight), AERIE_GROUPS(dot_float, F16Weight),
                                            AERIE_GROUPS(dot_float, Bf16Weight)};
#undef AERIE_GROUPS

// A unit of the weight, by its number over all parts.
struct Unit {
    const WeightPart* part;
    uint32_t first_row, num_rows;  // in the output
    const uint8_t* data;
    size_t bytes;
};

Unit find_unit(const Weight& weight, uint32_t index) {
    const WeightPart* part = weight.parts.data();
    while (index >= part->first_unit + part->num_units) ++part;
    const uint32_t local = index - part->first_unit, left = part->num_rows - local * kUnitRows;
    const size_t bytes = packed_unit_bytes(PackedFormat(part->packed_format), weight.cols);
    return {part, part->first_row + local * kUnitRows, left < kUnitRows ? left : kUnitRows, part->data + bytes * local,
            bytes};
}

// Rows of x in near-equal groups of up to eight.
struct Groups {
    uint32_t num_rows, count = (num_rows + kGroup - 1) / kGroup;

    uint32_t size(uint32_t group, uint32_t first_row) const { return (num_rows - first_row) / (count - group); }
};

constexpr uint32_t kAheadBytes = 8192;  // prefetch distance within a stream that is read once

// tile [count, 32] = unit * rows first_row .. first_row + count - 1 of x.
void dot(const Op& op, const Unit& unit, const Activations& x, const Groups& groups, uint32_t group, uint32_t first_row,
         uint32_t count, float* tile) {
    const uint32_t cols = op.weight->cols;
    const int32_t format = unit.part->packed_format;
    if (!is_quantised(format)) {
        kFloatDots[format][count - 1](unit.data, cols, op.x->data + size_t(first_row) * cols, tile);
        return;
    }
    const uint32_t block_lines = uint32_t(unit.bytes / (cols / kBlock) + 63) / 64;
    const uint32_t lines = (block_lines + groups.count - 1) / groups.count;
    const size_t ahead = groups.count > 1 ? unit.bytes + size_t(group) * lines * 64 * (cols / kBlock) : kAheadBytes;
    kQuantisedDots[format - kPackedQ4][count - 1](unit.data, cols, x, first_row, tile, {unit.data + ahead, lines});
}

// One unit into out (+ residual).
void plain_unit(const Op& op, uint32_t index, const Activations& x, uint32_t num_rows) {
    const Unit unit = find_unit(*op.weight, index);
    const Groups groups{num_rows};
    alignas(64) float tile[kGroup * kUnitRows];
    for (uint32_t group = 0, row = 0; group < groups.count; ++group) {
        const uint32_t count = groups.size(group, row);
        dot(op, unit, x, groups, group, row, count, tile);
        for (uint32_t c = 0; c < count; ++c, ++row) {
            const size_t at = size_t(row) * op.out->cols + unit.first_row;
            for (uint32_t t = 0; t < unit.num_rows; t += kTileRows) {
                const uint32_t n = unit.num_rows - t;
                Floats value = load(tile + c * kUnitRows + t);
                if (op.y) value = add(value, load_n(op.y->data + at + t, n));
                store_n(op.out->data + at + t, value, n);
            }
        }
    }
}

// A gate unit and its up unit into out, or quantised (a unit is one block) into what is handed over.
void gated_unit(const Op& op, uint32_t index, const Activations& x, const Activations& handed_over, uint32_t num_rows) {
    const Unit gate = find_unit(*op.weight, index), up = find_unit(*op.weight, index + op.weight->num_units / 2);
    const Groups groups{num_rows};
    alignas(64) float gates[kGroup * kUnitRows], ups[kGroup * kUnitRows];
    for (uint32_t group = 0, row = 0; group < groups.count; ++group) {
        const uint32_t count = groups.size(group, row);
        dot(op, gate, x, groups, group, row, count, gates);
        dot(op, up, x, groups, group, row, count, ups);
        for (uint32_t c = 0; c < count; ++c, ++row) {
            const float *g = gates + c * kUnitRows, *u = ups + c * kUnitRows;
            const Floats first = silu_mul(load(g), load(u)), second = silu_mul(load(g + 16), load(u + 16));
            if (op.handed_over) {
                quantise_block(first, second, handed_over, row, index);
            } else {
                float* out = op.out->data + size_t(row) * op.out->cols + gate.first_row;
                store(out, first);
                store(out + 16, second);
            }
        }
    }
}

// The input as int8. Few rows are quantised by every thread for itself; of some, each thread takes a share of the
// blocks for all rows; of many, a share of the rows. Either way no cache line is written by two threads.
Activations quantised_input(const Op& op, const Worker& worker, uint32_t num_rows) {
    const uint32_t cols = op.weight->cols;
    if (op.given) return op.given->layout(num_rows, cols);
    const bool few = num_rows <= kPrivateRows, alone = few || worker.num_threads == 1;
    const Activations x = (few ? worker.scratch->activations : *op.activations).layout(num_rows, cols);
    uint32_t first_row = 0, last_row = num_rows, first_block = 0, last_block = cols / kBlock;
    if (!alone && num_rows < 32) worker.share(cols / kBlock, first_block, last_block);
    if (!alone && num_rows >= 32) {
        worker.share((num_rows + 15) / 16, first_row, last_row);
        first_row *= 16;
        last_row = last_row * 16 < num_rows ? last_row * 16 : num_rows;
    }
    for (uint32_t row = first_row; row < last_row; ++row) {
        const float* in = op.x->data + size_t(row) * cols;
        const Floats inverse = set1(op.norm ? inverse_rms(in, cols, op.scalar) : 1.0f);
        for (uint32_t block = first_block; block < last_block; ++block) {
            const uint32_t i = block * kBlock;
            Floats low = load(in + i), high = load(in + i + 16);
            if (op.norm) {
                low = scaled(low, inverse, load(op.norm->data + i));
                high = scaled(high, inverse, load(op.norm->data + i + 16));
            }
            quantise_block(low, high, x, row, block);
        }
    }
    if (!alone) worker.barrier();
    return x;
}

}  // namespace

void linear(const Op& op, const Worker& worker) {
    const uint32_t num_rows = rows_of(*op.out);
    if (!num_rows) return;
    Activations x, handed_over;
    if (op.activations || op.given) x = quantised_input(op, worker, num_rows);
    if (op.handed_over) handed_over = op.handed_over->layout(num_rows, op.out->cols);
    uint32_t first, last;
    worker.share(op.gated ? op.weight->num_units / 2 : op.weight->num_units, first, last);
    for (uint32_t unit = first; unit < last; ++unit) {
        if (op.gated) {
            gated_unit(op, unit, x, handed_over, num_rows);
        } else {
            plain_unit(op, unit, x, num_rows);
        }
    }
}

}  // namespace aerie::cpu::AERIE_ISA
