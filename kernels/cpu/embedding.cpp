// out = weight[tokens], read back out of the packed layout; and the row gather before the LM head.
#include "cpu/ops.h"
#include "cpu/simd/simd.h"

namespace aerie::cpu::AERIE_ISA {
namespace {

const WeightPart& part_of(const Weight& weight, uint32_t row) {
    const WeightPart* part = weight.parts.data();
    while (row >= part->first_row + part->num_rows) ++part;
    return *part;
}

// One element of a quantised block; tile and lane place the row in its unit.
float quant_value(int32_t format, const uint8_t* block, uint32_t row, uint32_t i) {
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

void unpack_row(float* out, const Weight& weight, uint32_t token) {
    const WeightPart& part = part_of(weight, token);
    const auto format = PackedFormat(part.packed_format);
    const uint32_t row = (token - part.first_row) % kUnitRows;
    const uint8_t* unit = part.data + packed_unit_bytes(format, weight.cols) * ((token - part.first_row) / kUnitRows);
    const size_t block_bytes = packed_unit_bytes(format, kBlock);
    for (uint32_t i = 0; i < weight.cols; ++i) {
        if (is_quantised(format)) {
            out[i] = quant_value(format, unit + i / kBlock * block_bytes, row, i % kBlock);
            continue;
        }
        const size_t at = packed_float_at(format, i, row);
        if (format == kPackedF32) {
            memcpy(out + i, unit + at * 4, 4);
        } else {
            uint16_t bits;
            memcpy(&bits, unit + at * 2, 2);
            out[i] = format == kPackedF16 ? f16_to_f32(bits) : bf16_to_f32(bits);
        }
    }
}

}  // namespace

void embedding(const Op& op, const Worker& worker) {
    uint32_t first, last;
    worker.share(rows_of(*op.out), first, last);
    const size_t cols = op.out->cols;
    for (uint32_t row = first; row < last; ++row) {
        const int32_t token = op.batch->tokens.data()[row];
        if (token >= 0)
            unpack_row(op.out->data + row * cols, *op.weight, uint32_t(token));
        else
            memset(op.out->data + row * cols, 0, cols * sizeof(float));
    }
}

void gather_outputs(const Op& op, const Worker& worker) {
    uint32_t first, last;
    worker.share(rows_of(*op.out), first, last);
    const size_t cols = op.out->cols;
    for (uint32_t i = first; i < last; ++i)
        memcpy(op.out->data + i * cols, op.x->data + size_t(op.batch->outputs.data()[i]) * cols, cols * sizeof(float));
}

}  // namespace aerie::cpu::AERIE_ISA
