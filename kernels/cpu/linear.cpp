// out = x * weight^T (+ residual). Every pass over a unit (32 weight rows) serves a group of rows of x; the weights are
// read once from memory.
#include <algorithm>

#include "cpu/dot/dot.h"
#include "cpu/fused.h"

namespace aerie::cpu::AERIE_ISA {
namespace {

using QuantisedDot = void (*)(const uint8_t*, uint32_t, const Activations&, uint32_t, float*, Prefetch);
using FloatDot = void (*)(const uint8_t*, uint32_t, const float*, float*);

#define AERIE_GROUPS(f, first) \
    { &f<first, 1>, &f<first, 2>, &f<first, 3>, &f<first, 4>, &f<first, 5>, &f<first, 6>, &f<first, 7>, &f<first, 8> }
constexpr QuantisedDot kQuantisedDots[3][kGroup] = {
    AERIE_GROUPS(dot_rows, kPackedQ4), AERIE_GROUPS(dot_rows, kPackedQ5), AERIE_GROUPS(dot_rows, kPackedQ8)};
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

// Whether a part meets split rows of x.
bool is_tiled(const WeightPart& part) { return kTiled && part.packed_format == kPackedBf16; }

// Most rows of x that a pass over a unit serves.
uint32_t most_rows(const Unit& unit) { return is_tiled(*unit.part) ? kMaxGroup : kGroup; }

// Rows of x in near-equal groups of up to `most`.
struct Groups {
    uint32_t num_rows, most, count = (num_rows + most - 1) / most;

    uint32_t size(uint32_t group, uint32_t first_row) const { return (num_rows - first_row) / (count - group); }
};

// Row `row` of x as two bf16 rows.
uint16_t* split_rows(const Op& op, uint32_t row) {
    return reinterpret_cast<uint16_t*>(op.activations->split.data()) + size_t(row) * 2 * whole_blocks(op.weight->cols);
}

constexpr uint32_t kAheadBytes = 8192;  // prefetch distance within a stream that is read once

// tile [count, 32] = unit * rows first_row .. first_row + count - 1 of x.
void dot(const Op& op, const Unit& unit, const Activations& x, const Groups& groups, uint32_t group, uint32_t first_row,
         uint32_t count, float* tile) {
    const uint32_t cols = op.weight->cols, num_blocks = whole_blocks(cols) / kBlock;
    const int32_t format = unit.part->packed_format;
    if (!is_quantised(format) && !is_tiled(*unit.part)) {
        kFloatDots[format][count - 1](unit.data, cols, op.x->data + size_t(first_row) * cols, tile);
        return;
    }
    const uint32_t block_lines = uint32_t(unit.bytes / num_blocks + 63) / 64;
    const uint32_t lines = (block_lines + groups.count - 1) / groups.count;
    const size_t ahead = groups.count > 1 ? unit.bytes + size_t(group) * lines * 64 * num_blocks : kAheadBytes;
    const Prefetch prefetch{unit.data + ahead, lines};
    if (is_tiled(*unit.part))
        dot_split(unit.data, cols, split_rows(op, first_row), count, tile, prefetch);
    else
        kQuantisedDots[format - kPackedQ4][count - 1](unit.data, cols, x, first_row, tile, prefetch);
}

// One unit into out (+ residual).
void plain_unit(const Op& op, uint32_t index, const Activations& x, uint32_t num_rows) {
    const Unit unit = find_unit(*op.weight, index);
    const Groups groups{num_rows, most_rows(unit)};
    alignas(64) float tile[kMaxGroup * kUnitRows];
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
    const Groups groups{num_rows, std::min(most_rows(gate), most_rows(up))};
    alignas(64) float gates[kMaxGroup * kUnitRows], ups[kMaxGroup * kUnitRows];
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

void split_input(const Op& op, const Worker& worker, uint32_t num_rows) {
    uint32_t first, last;
    worker.share(num_rows, first, last);
    const uint32_t cols = op.weight->cols;
    for (uint32_t row = first; row < last; ++row) split_row(split_rows(op, row), op.x->data + size_t(row) * cols, cols);
    worker.barrier();
}

}  // namespace

void linear(const Op& op, const Worker& worker) {
    const uint32_t num_rows = rows_of(*op.out);
    if (!num_rows) return;
    Activations x, handed_over;
    bool quantised = false, splits = false;
    for (const WeightPart& part : op.weight->parts) {
        quantised |= is_quantised(part.packed_format);
        splits |= is_tiled(part);
    }
    if (quantised) x = quantised_input(op, worker, num_rows);
    if (splits) split_input(op, worker, num_rows);
    if (op.handed_over) handed_over = op.handed_over->layout(num_rows, op.out->cols);
    [[maybe_unused]] const Tiles tiles(splits);
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
