// What linear and expert_linear are made of: products of panels of a packed weight with groups of rows of x.
#pragma once
#include <algorithm>

#include "cpu/dot/dot.h"
#include "cpu/fused.h"

namespace aerie::cpu::AERIE_ISA {

using QuantizedDot = void (*)(const uint8_t*, uint32_t, const QuantizedRows&, uint32_t, float*, Prefetch);
using FloatDot = void (*)(const uint8_t*, uint32_t, const float*, float*);

#define AERIE_GROUPS(f, first) \
    { &f<first, 1>, &f<first, 2>, &f<first, 3>, &f<first, 4>, &f<first, 5>, &f<first, 6>, &f<first, 7>, &f<first, 8> }
constexpr QuantizedDot kQuantizedDots[3][kGroup] = {
    AERIE_GROUPS(dot_rows, kPackedQ4), AERIE_GROUPS(dot_rows, kPackedQ5), AERIE_GROUPS(dot_rows, kPackedQ8)};
constexpr FloatDot kFloatDots[3][kGroup] = {AERIE_GROUPS(dot_float, F32Weight), AERIE_GROUPS(dot_float, F16Weight),
                                            AERIE_GROUPS(dot_float, Bf16Weight)};
#undef AERIE_GROUPS

// A panel of the weight.
struct Panel {
    const PackedPart* part;
    uint32_t first_row, num_rows;  // in the output
    const uint8_t* data;
    size_t bytes;
};

// Panel `local` of a part.
inline Panel panel_in(const PackedPart& part, uint32_t local, uint32_t cols) {
    const uint32_t left = part.num_rows - local * kPanelRows;
    const size_t bytes = panel_bytes(part.format, cols);
    return {&part, part.first_row + local * kPanelRows, std::min(left, kPanelRows), part.data + bytes * local, bytes};
}

// True if a part is multiplied by bf16x2 rows of x.
inline bool is_tiled(const PackedPart& part) { return kTiled && part.format == kPackedBf16; }

// Most rows of x that a pass over a panel serves.
inline uint32_t most_rows(const Panel& panel) { return is_tiled(*panel.part) ? kMaxGroup : kGroup; }

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
inline uint16_t* bf16x2_rows(const Op& op, uint32_t row) {
    return reinterpret_cast<uint16_t*>(op.input->bf16x2.data()) + size_t(row) * 2 * whole_blocks(op.weight->cols);
}

constexpr uint32_t kAheadBytes = 8192;  // prefetch distance within a stream that is read once

// sums [count, 32] = panel * rows first_row .. first_row + count - 1 of x.
inline void dot(const Op& op, const Panel& panel, const Operands& operands, const Groups& groups, uint32_t group,
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

}  // namespace aerie::cpu::AERIE_ISA
