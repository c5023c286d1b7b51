// out = weight[tokens], read back out of the packed layout; and the row gather before the LM head.
#include "cpu/ops.h"
#include "cpu/simd/simd.h"

namespace aerie::cpu::AERIE_ISA {
namespace {

const PackedPart& part_of(const PackedWeight& weight, uint32_t row) {
    const PackedPart* part = weight.parts.data();
    while (row >= part->first_row + part->num_rows) ++part;
    return *part;
}

// One element of a quantized block; tile and lane place the row in its panel.
float quant_value(PackedFormat format, const uint8_t* block, uint32_t row, uint32_t i) {
    const uint32_t tile = row / kTileRows, lane = row % kTileRows * 4 + i % 4;
    const uint8_t* scales = block + (format == kPackedQ4 ? kQ4ScalesAt : kQ8ScalesAt);
    uint16_t half;
    memcpy(&half, scales + 2 * row, 2);
    const float d = f16_to_f32(half);
    if (format == kPackedQ8) return d * float(int(block[tile * 512 + i / 4 * 64 + lane]) - 128);
    memcpy(&half, scales + 64 + 2 * row, 2);
    const float m = f16_to_f32(half);
    if (format == kPackedQ5) return d * float(block[tile * 512 + i / 4 * 64 + lane]) + m;
    const uint8_t both = block[tile * 256 + i % 16 / 4 * 64 + lane];
    return d * float(i < 16 ? both & 15 : both >> 4) + m;
}

// out [cols] = row `token`
void unpack_row(float* out, const PackedWeight& weight, uint32_t token, uint32_t cols) {
    const PackedPart& part = part_of(weight, token);
    const PackedFormat format = part.format;
    const uint32_t row = (token - part.first_row) % kPanelRows;
    const uint8_t* panel = part.data + panel_bytes(format, cols) * ((token - part.first_row) / kPanelRows);
    const size_t block_bytes = panel_bytes(format, kBlock);
    for (uint32_t i = 0; i < cols; ++i) {
        if (is_quantized(format)) {
            out[i] = quant_value(format, panel + i / kBlock * block_bytes, row, i % kBlock);
            continue;
        }
        const size_t at = packed_float_at(format, i, row);
        if (format == kPackedF32) {
            memcpy(out + i, panel + at * 4, 4);
        } else {
            uint16_t bits;
            memcpy(&bits, panel + at * 2, 2);
            out[i] = format == kPackedF16 ? f16_to_f32(bits) : bf16_to_f32(bits);
        }
    }
}

}  // namespace

void embedding(const Op& op, const Worker& worker) {
    uint32_t first, last;
    worker.share(rows_of(op, *op.out, worker), first, last);
    const uint32_t cols = op.out->cols;
    for (uint32_t row = first; row < last; ++row) {
        const int32_t token = op.rows->tokens[row];
        float* out = floats(*op.out, worker) + size_t(row) * cols;
        if (token >= 0)
            unpack_row(out, *op.packed, uint32_t(token), cols);
        else
            memset(out, 0, cols * sizeof(float));
    }
}

void gather_outputs(const Op& op, const Worker& worker) {
    uint32_t first, last;
    worker.share(rows_of(op, *op.out, worker), first, last);
    const size_t cols = op.out->cols;
    float* out = floats(*op.out, worker);
    const float* x = floats(*op.x, worker);
    for (uint32_t i = first; i < last; ++i)
        memcpy(out + i * cols, x + size_t(op.rows->outputs[i]) * cols, cols * sizeof(float));
}

}  // namespace aerie::cpu::AERIE_ISA
