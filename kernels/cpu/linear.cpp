// out = x * weight^T (+ residual). Every pass over a panel (32 weight rows) serves a group of rows of x; the weights
// are read once from memory.
#include <algorithm>

#include "cpu/dot/dot.h"
#include "cpu/fused.h"

namespace aerie::cpu::AERIE_ISA {
namespace {

using QuantizedDot = void (*)(const uint8_t*, uint32_t, const QuantizedRows&, uint32_t, float*, Prefetch);
using FloatDot = void (*)(const uint8_t*, uint32_t, const float*, float*);

#define AERIE_GROUPS(f, first) \
    { &f<first, 1>, &f<first, 2>, &f<first, 3>, &f<first, 4>, &f<first, 5>, &f<first, 6>, &f<first, 7>, &f<first, 8> }
constexpr QuantizedDot kQuantizedDots[3][kGroup] = {
    AERIE_GROUPS(dot_rows, kPackedQ4), AERIE_GROUPS(dot_rows, kPackedQ5), AERIE_GROUPS(dot_rows, kPackedQ8)};
constexpr FloatDot kFloatDots[3][kGroup] = {AERIE_GROUPS(dot_float, F32Weight), AERIE_GROUPS(dot_float, F16Weight),
                                            AERIE_GROUPS(dot_float, Bf16Weight)};
#undef AERIE_GROUPS

// A panel of the weight, by its number over all parts.
struct Panel {
    const PackedPart* part;
    uint32_t first_row, num_rows;  // in the output
    const uint8_t* data;
    size_t bytes;
};

Panel find_panel(const Op& op, uint32_t index) {
    const PackedPart* part = op.packed->parts.data();
    while (index >= part->first_panel + part->num_panels) ++part;
    const uint32_t local = index - part->first_panel, left = part->num_rows - local * kPanelRows;
    const size_t bytes = panel_bytes(part->format, op.weight->cols);
    return {part, part->first_row + local * kPanelRows, std::min(left, kPanelRows), part->data + bytes * local, bytes};
}

// True if a part is multiplied by bf16x2 rows of x.
bool is_tiled(const PackedPart& part) { return kTiled && part.format == kPackedBf16; }

// Most rows of x that a pass over a panel serves.
uint32_t most_rows(const Panel& panel) { return is_tiled(*panel.part) ? kMaxGroup : kGroup; }

// Rows of x in near-equal groups of up to `most`.
struct Groups {
    uint32_t num_rows, most, count = (num_rows + most - 1) / most;

    uint32_t size(uint32_t group, uint32_t first_row) const { return (num_rows - first_row) / (count - group); }
};

// Operands of a product: the op's rows, and x in the form that the weight's kernel takes.
struct Operands {
    uint32_t num_rows;
    const float *x, *residual;  // residual may be null
    float* out;
    QuantizedRows quantized, quantized_out;
};

// Row `row` of x as two bf16 rows.
uint16_t* bf16x2_rows(const Op& op, uint32_t row) {
    return reinterpret_cast<uint16_t*>(op.input->bf16x2.data()) + size_t(row) * 2 * whole_blocks(op.weight->cols);
}

constexpr uint32_t kAheadBytes = 8192;  // prefetch distance within a stream that is read once

// sums [count, 32] = panel * rows first_row .. first_row + count - 1 of x.
void dot(const Op& op, const Panel& panel, const Operands& operands, const Groups& groups, uint32_t group,
         uint32_t first_row, uint32_t count, float* sums) {
    const uint32_t cols = op.weight->cols, num_blocks = whole_blocks(cols) / kBlock;
    const PackedFormat format = panel.part->format;
    if (!is_quantized(format) && !is_tiled(*panel.part)) {
        kFloatDots[format][count - 1](panel.data, cols, operands.x + size_t(first_row) * cols, sums);
        return;
    }
    const uint32_t block_lines = uint32_t(panel.bytes / num_blocks + 63) / 64;
    const uint32_t lines = (block_lines + groups.count - 1) / groups.count;
    const size_t ahead = groups.count > 1 ? panel.bytes + size_t(group) * lines * 64 * num_blocks : kAheadBytes;
    const Prefetch prefetch{panel.data + ahead, lines};
    if (is_tiled(*panel.part))
        dot_bf16x2(panel.data, cols, bf16x2_rows(op, first_row), count, sums, prefetch);
    else
        kQuantizedDots[format - kPackedQ4][count - 1](panel.data, cols, operands.quantized, first_row, sums, prefetch);
}

// One panel into out (+ residual).
void plain_panel(const Op& op, uint32_t index, const Operands& operands) {
    const Panel panel = find_panel(op, index);
    const Groups groups{operands.num_rows, most_rows(panel)};
    alignas(64) float sums[kMaxGroup * kPanelRows];
    for (uint32_t group = 0, row = 0; group < groups.count; ++group) {
        const uint32_t count = groups.size(group, row);
        dot(op, panel, operands, groups, group, row, count, sums);
        for (uint32_t c = 0; c < count; ++c, ++row) {
            const size_t at = size_t(row) * op.out->cols + panel.first_row;
            for (uint32_t t = 0; t < panel.num_rows; t += kTileRows) {
                const uint32_t n = panel.num_rows - t;
                Floats value = load(sums + c * kPanelRows + t);
                if (operands.residual) value = add(value, load_n(operands.residual + at + t, n));
                store_n(operands.out + at + t, value, n);
            }
        }
    }
}

// A gate panel and its up panel into out, or quantized (a panel is one block) into quantized_out.
void gated_panel(const Op& op, uint32_t index, const Operands& operands) {
    const Panel gate = find_panel(op, index), up = find_panel(op, index + op.packed->num_panels / 2);
    const Groups groups{operands.num_rows, std::min(most_rows(gate), most_rows(up))};
    alignas(64) float gates[kMaxGroup * kPanelRows], ups[kMaxGroup * kPanelRows];
    for (uint32_t group = 0, row = 0; group < groups.count; ++group) {
        const uint32_t count = groups.size(group, row);
        dot(op, gate, operands, groups, group, row, count, gates);
        dot(op, up, operands, groups, group, row, count, ups);
        for (uint32_t c = 0; c < count; ++c, ++row) {
            const float *g = gates + c * kPanelRows, *u = ups + c * kPanelRows;
            const Floats first = silu_mul(load(g), load(u)), second = silu_mul(load(g + 16), load(u + 16));
            if (op.quantized_out) {
                quantize_block(first, second, operands.quantized_out, row, index);
            } else {
                float* out = operands.out + size_t(row) * op.out->cols + gate.first_row;
                store(out, first);
                store(out + 16, second);
            }
        }
    }
}

// The input as int8. Few rows: every thread quantizes them for itself. More rows: each thread quantizes a share of the
// blocks of all rows. Many rows: a share of the rows. No cache line is written by two threads.
QuantizedRows quantize_input(const Op& op, const Worker& worker, const float* input, uint32_t num_rows) {
    const uint32_t cols = op.weight->cols;
    if (op.quantized_in) return op.quantized_in->layout(num_rows, cols);
    const bool few = num_rows <= kMaxRowsQuantizedPerThread, alone = few || worker.num_threads == 1;
    const QuantizedRows x = (few ? worker.scratch->input : *op.input).layout(num_rows, cols);
    uint32_t first_row = 0, last_row = num_rows, first_block = 0, last_block = cols / kBlock;
    if (!alone && num_rows < 32) worker.share(cols / kBlock, first_block, last_block);
    if (!alone && num_rows >= 32) {
        worker.share((num_rows + 15) / 16, first_row, last_row);
        first_row *= 16;
        last_row = last_row * 16 < num_rows ? last_row * 16 : num_rows;
    }
    const float* norm = op.norm ? floats(*op.norm, worker) : nullptr;
    for (uint32_t row = first_row; row < last_row; ++row) {
        const float* in = input + size_t(row) * cols;
        const Floats inverse = set1(norm ? inverse_rms(in, cols, op.scalar) : 1.0f);
        for (uint32_t block = first_block; block < last_block; ++block) {
            const uint32_t i = block * kBlock;
            Floats low = load(in + i), high = load(in + i + 16);
            if (norm) {
                low = scaled(low, inverse, load(norm + i));
                high = scaled(high, inverse, load(norm + i + 16));
            }
            quantize_block(low, high, x, row, block);
        }
    }
    if (!alone) worker.barrier();
    return x;
}

void bf16x2_input(const Op& op, const Worker& worker, const float* input, uint32_t num_rows) {
    uint32_t first, last;
    worker.share(num_rows, first, last);
    const uint32_t cols = op.weight->cols;
    for (uint32_t row = first; row < last; ++row) to_bf16x2(bf16x2_rows(op, row), input + size_t(row) * cols, cols);
    worker.barrier();
}

}  // namespace

void linear(const Op& op, const Worker& worker) {
    Operands operands{.num_rows = rows_of(op, *op.out, worker),
                      .x = floats(*op.x, worker),
                      .residual = op.y ? floats(*op.y, worker) : nullptr,
                      .out = floats(*op.out, worker),
                      .quantized = {},
                      .quantized_out = {}};
    const uint32_t num_rows = operands.num_rows;
    if (!num_rows) return;
    bool quantized = false, takes_bf16x2 = false;
    for (const PackedPart& part : op.packed->parts) {
        quantized |= is_quantized(part.format);
        takes_bf16x2 |= is_tiled(part);
    }
    if (quantized) operands.quantized = quantize_input(op, worker, operands.x, num_rows);
    if (takes_bf16x2) bf16x2_input(op, worker, operands.x, num_rows);
    if (op.quantized_out) operands.quantized_out = op.quantized_out->layout(num_rows, op.out->cols);
    [[maybe_unused]] const Tiles tiles(takes_bf16x2);
    uint32_t first, last;
    worker.share(op.gated ? op.packed->num_panels / 2 : op.packed->num_panels, first, last);
    for (uint32_t panel = first; panel < last; ++panel) {
        if (op.gated) {
            gated_panel(op, panel, operands);
        } else {
            plain_panel(op, panel, operands);
        }
    }
}

}  // namespace aerie::cpu::AERIE_ISA
