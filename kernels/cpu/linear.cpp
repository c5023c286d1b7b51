// out = x * weight^T (+ residual). Every pass over a panel (32 weight rows) serves a group of rows of x; the weights
// are read once from memory.
#include "cpu/products.h"

namespace aerie::cpu::AERIE_ISA {
namespace {

// A panel by its number over all parts.
Panel find_panel(const Op& op, uint32_t index) {
    const PackedPart* part = op.packed->parts.data();
    while (index >= part->first_panel + part->num_panels) ++part;
    return panel_in(*part, index - part->first_panel, op.weight->cols);
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
