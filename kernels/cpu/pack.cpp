#include "cpu/pack.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/group_quantized.h"

namespace aerie::cpu {
namespace {

constexpr size_t kChunkBytes = size_t(64) << 20;
static_assert(kBlock == kBlockInputs);

// Block `index` (of 32) of a row with one scale: value = scale * quant + minimum, or scale * (quant - 128) with 8 bits.
void read_cpu_block(QuantizedBlock& out, const WeightPart& part, uint32_t row, uint32_t index) {
    const aerie_format format = part.format;
    if (format == AERIE_FORMAT_Q6_K) {
        // A scale per 16 values: requantized to 8 bits per 32, an error below an eighth of a 6-bit step.
        constexpr uint32_t kValues = 256, kPer = kValues / kBlock;
        float values[kValues];
        dequantize(values, part.row(row) + size_t(index / kPer) * block_size(format).bytes, format, kValues);
        return quantize_block(out, values + index % kPer * kBlock);
    }
    read_block(out, part, row, index);
    if (format == AERIE_FORMAT_Q4_0 || format == AERIE_FORMAT_Q5_0)
        out.minimum = f32_to_f16(f16_to_f32(out.scales[0]) * (format == AERIE_FORMAT_Q5_0 ? -16.0f : -8.0f));
}

void write_block(uint8_t* out, PackedFormat format, uint32_t row, const QuantizedBlock& block) {
    const uint32_t tile = row / kTileRows, lane = row % kTileRows * 4;
    if (format == kPackedQ4) {
        for (uint32_t i = 0; i < 16; ++i)
            out[tile * 256 + i / 4 * 64 + lane + i % 4] = uint8_t(block.quants[i] | block.quants[i + 16] << 4);
    } else {
        for (uint32_t i = 0; i < kBlock; ++i) out[tile * 512 + i / 4 * 64 + lane + i % 4] = block.quants[i];
    }
    uint8_t* scales = out + (format == kPackedQ4 ? kQ4ScalesAt : kQ8ScalesAt);
    memcpy(scales + 2 * row, &block.scales[0], 2);
    if (format != kPackedQ8) memcpy(scales + 64 + 2 * row, &block.minimum, 2);
}

PackedFormat packed_format(aerie_format format, aerie_dtype float_dtype, uint32_t cols) {
    switch (format) {
        case AERIE_FORMAT_Q4_0:
        case AERIE_FORMAT_Q4_1:
        case AERIE_FORMAT_Q4_K:
            return kPackedQ4;
        case AERIE_FORMAT_Q5_0:
        case AERIE_FORMAT_Q5_1:
        case AERIE_FORMAT_Q5_K:
            return kPackedQ5;
        case AERIE_FORMAT_Q8_0:
        case AERIE_FORMAT_Q6_K:
        case AERIE_FORMAT_Q2_K:
        case AERIE_FORMAT_Q3_K:
        case AERIE_FORMAT_IQ4_NL:
        case AERIE_FORMAT_IQ4_XS:
        case AERIE_FORMAT_MXFP4:
            return kPackedQ8;
        default:
            if (float_dtype == AERIE_INT8 && cols % kBlock == 0) return kPackedQ8;
            return float_dtype == AERIE_F32 ? kPackedF32 : float_dtype == AERIE_F16 ? kPackedF16 : kPackedBf16;
    }
}

void pack_float_row(uint8_t* panel, PackedFormat format, uint32_t row, const float* values, uint32_t cols) {
    for (uint32_t k = 0; k < cols; ++k) {
        const size_t at = packed_float_at(format, k, row);
        if (format == kPackedF32) {
            memcpy(panel + at * 4, values + k, 4);
        } else {
            const uint16_t bits = format == kPackedF16 ? f32_to_f16(values[k]) : f32_to_bf16(values[k]);
            memcpy(panel + at * 2, &bits, 2);
        }
    }
}

void pack_panel(uint8_t* panel, PackedFormat format, const WeightPart& part, uint32_t index, uint32_t cols) {
    const bool is_float = block_size(part.format).elements == 1;
    const size_t block_bytes = panel_bytes(format, kBlock);
    const uint32_t end = std::min(kPanelRows, part.num_rows - index * kPanelRows);
    std::vector<float> values(is_float ? cols : 0);
    QuantizedBlock block;
    for (uint32_t r = 0; r < end; ++r) {
        const uint32_t row = index * kPanelRows + r;
        if (is_float) dequantize(values.data(), part.row(row), part.format, cols);
        if (!is_quantized(format)) {
            pack_float_row(panel, format, r, values.data(), cols);
            continue;
        }
        for (uint32_t b = 0; b < cols / kBlock; ++b) {
            if (is_float)
                quantize_block(block, values.data() + b * kBlock);
            else
                read_cpu_block(block, part, row, b);
            write_block(panel + b * block_bytes, format, r, block);
        }
    }
}

}  // namespace

size_t panel_bytes(PackedFormat format, uint32_t cols) {
    switch (format) {
        case kPackedF32:
            return size_t(cols) * kPanelRows * 4;
        case kPackedF16:
            return size_t(cols) * kPanelRows * 2;
        case kPackedBf16:
            return size_t(whole_blocks(cols)) * kPanelRows * 2;
        case kPackedQ4:
            return size_t(cols) / kBlock * (kQ4ScalesAt + 128);
        case kPackedQ5:
            return size_t(cols) / kBlock * (kQ8ScalesAt + 128);
        case kPackedQ8:
            return size_t(cols) / kBlock * (kQ8ScalesAt + 64);
    }
    fail(AERIE_INTERNAL, "pack: packed format %d is unknown", int(format));
}

uint8_t* Arena::take(size_t bytes, std::shared_ptr<Memory>& owner) {
    bytes = (bytes + 63) / 64 * 64;
    if (!chunk_ || used_ + bytes > chunk_->bytes()) {
        chunk_ = std::make_shared<Memory>(std::max(bytes, kChunkBytes));
        used_ = 0;
    }
    owner = chunk_;
    uint8_t* at = chunk_->data() + used_;
    used_ += bytes;
    return at;
}

void pack_weight(Weight& weight, aerie_dtype float_dtype, Arena& arena, const ParallelFor& parallel_for) {
    auto packed = std::make_unique<PackedWeight>();
    weight.bytes = 0;
    for (const WeightPart& part : weight.parts) {
        const PackedFormat format = packed_format(part.format, float_dtype, weight.cols);
        const uint32_t num_panels = (part.num_rows + kPanelRows - 1) / kPanelRows;
        packed->parts.push_back({format, part.first_row, part.num_rows, packed->num_panels, num_panels, nullptr});
        packed->num_panels += num_panels;
        weight.bytes += panel_bytes(format, weight.cols) * num_panels;
    }
    uint8_t* at = arena.take(weight.bytes, packed->memory);
    for (size_t i = 0; i < weight.parts.size(); ++i) {
        PackedPart& part = packed->parts[i];
        const size_t bytes = panel_bytes(part.format, weight.cols);
        part.data = at;
        parallel_for(part.num_panels, [&](uint32_t first, uint32_t last) {
            for (uint32_t panel = first; panel < last; ++panel)
                pack_panel(at + panel * bytes, part.format, weight.parts[i], panel, weight.cols);
        });
        at += bytes * part.num_panels;
        weight.parts[i].release();
    }
    weight.packed = std::move(packed);
}

}  // namespace aerie::cpu
