#include "cuda/pack.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/group_quantized.h"

namespace aerie::cuda {
namespace {

// A row of a part.
struct Source {
    const WeightPart* part;
    uint32_t row;
};

// Row `row` of the weight.
Source source_of(const Weight& weight, uint32_t row) {
    const auto part = std::upper_bound(weight.parts.begin(), weight.parts.end(), row,
                                       [](uint32_t at, const auto& each) { return at < each.first_row; }) -
                      1;
    return {&*part, row - part->first_row};
}

void pack_float_row(uint8_t* units, uint32_t r, const float* values, uint32_t cols) {
    for (uint32_t k = 0; k < cols; ++k)
        memcpy(units + size_t(k / kHalfInputs) * unit_bytes(UnitFormat::f32) +
                   float_at(UnitFormat::f32, r, k % kHalfInputs),
               values + k, 4);
}

// A row of f16 or bf16, four inputs at a time: they stay together. `halves` may be at any address.
void pack_half_row(uint8_t* units, UnitFormat format, uint32_t r, const uint8_t* halves, uint32_t cols) {
    for (uint32_t k = 0; k < cols; k += 4, halves += 8)
        memcpy(units + size_t(k / kHalfInputs) * unit_bytes(format) + float_at(format, r, k % kHalfInputs), halves,
               2 * std::min(4u, cols - k));
}

// True if a file has numbers as a unit keeps them.
bool is_kept(aerie_format source, UnitFormat format) {
    return (source == AERIE_FORMAT_F16 && format == UnitFormat::f16) ||
           (source == AERIE_FORMAT_BF16 && format == UnitFormat::bf16);
}

// One row of a unit of zeros.
void pack_block(uint8_t* unit, QuantizedLayout layout, uint32_t r, const QuantizedBlock& block) {
    for (uint32_t k = 0; k < kBlockInputs; ++k) {
        const uint32_t place = quant_place(r, k), quant = block.quants[k];
        if (layout.bits == 8) {
            unit[place] = uint8_t(quant);
            continue;
        }
        unit[place / 2] |= uint8_t((quant & 15) << place % 2 * 4);
        if (layout.bits == 4) continue;
        const uint32_t extra = layout.bits - 4, per_byte = 8 / extra;
        unit[layout.high_at() + place / per_byte] |= uint8_t(quant >> 4 << place % per_byte * extra);
    }
    memcpy(unit + layout.scales_at() + 2 * r, &block.scales[0], 2);
    if (layout.num_scales == 2) memcpy(unit + layout.scales_at() + 2 * (kUnitRows + r), &block.scales[1], 2);
    if (layout.has_minimum) memcpy(unit + layout.minima_at() + 2 * r, &block.minimum, 2);
}

// Rows first .. first + count - 1, at most 16, into units of zeros.
void pack_rows(uint8_t* units, UnitFormat format, const Weight& weight, uint32_t first, uint32_t count) {
    std::vector<float> values(weight.cols);
    std::vector<uint8_t> halves(size_t(weight.cols) * 2);
    for (uint32_t r = 0; r < count; ++r) {
        const auto [part, row] = source_of(weight, first + r);
        if (is_kept(part->format, format)) {
            pack_half_row(units, format, r, part->row(row), weight.cols);
            continue;
        }
        const bool is_float = block_size(part->format).elements == 1;
        if (is_float) dequantize(values.data(), part->row(row), part->format, weight.cols);
        if (format == UnitFormat::f32) {
            pack_float_row(units, r, values.data(), weight.cols);
            continue;
        }
        if (!is_quantized(format)) {
            narrow(halves.data(), values.data(), weight.cols, format == UnitFormat::f16 ? AERIE_F16 : AERIE_BF16);
            pack_half_row(units, format, r, halves.data(), weight.cols);
            continue;
        }
        for (uint32_t b = 0; b < weight.cols / kBlockInputs; ++b) {
            QuantizedBlock block;
            if (is_float)
                quantize_block(block, values.data() + b * kBlockInputs);
            else
                read_block(block, *part, row, b);
            pack_block(units + size_t(b) * unit_bytes(format), quantized_layout(format), r, block);
        }
    }
}

}  // namespace

UnitFormat unit_format(aerie_format source, aerie_dtype float_dtype, uint32_t cols) {
    switch (source) {
        case AERIE_FORMAT_Q4_0:
            return UnitFormat::q4;
        case AERIE_FORMAT_Q4_1:
        case AERIE_FORMAT_Q4_K:
            return UnitFormat::q4_min;
        case AERIE_FORMAT_Q5_0:
            return UnitFormat::q5;
        case AERIE_FORMAT_Q5_1:
        case AERIE_FORMAT_Q5_K:
            return UnitFormat::q5_min;
        case AERIE_FORMAT_Q6_K:
            return UnitFormat::q6;
        case AERIE_FORMAT_Q8_0:
        case AERIE_FORMAT_Q2_K:
        case AERIE_FORMAT_Q3_K:
        case AERIE_FORMAT_IQ4_NL:
        case AERIE_FORMAT_IQ4_XS:
        case AERIE_FORMAT_MXFP4:
            return UnitFormat::q8;
        default:
            if (float_dtype == AERIE_INT8 && cols % kBlockInputs == 0) return UnitFormat::q8;
            return float_dtype == AERIE_F32   ? UnitFormat::f32
                   : float_dtype == AERIE_F16 ? UnitFormat::f16
                                              : UnitFormat::bf16;
    }
}

void pack_weight(Weight& weight, aerie_dtype float_dtype, Uploader& uploader, const ParallelFor& parallel_for) {
    auto packed = std::make_unique<CudaPacked>();
    std::vector<PackedPart>& parts = packed->parts;
    for (const WeightPart& part : weight.parts) {
        const UnitFormat format = unit_format(part.format, float_dtype, weight.cols);
        if (!parts.empty() && parts.back().format == format)
            parts.back().num_rows += part.num_rows;
        else
            parts.push_back({format, part.first_row, part.num_rows, nullptr});
    }
    size_t bytes = 0;
    for (const PackedPart& part : parts) bytes += packed_bytes(part.format, part.num_rows, weight.cols);
    packed->memory = uploader.allocate(bytes);
    size_t offset = 0;
    for (PackedPart& part : parts) {
        part.data = static_cast<const uint8_t*>(packed->memory.address) + offset;
        const size_t group_bytes = packed_bytes(part.format, kUnitRows, weight.cols);
        const uint32_t num_groups = (part.num_rows + kUnitRows - 1) / kUnitRows;
        const uint32_t per_piece = uint32_t(std::clamp<size_t>(kPieceBytes / group_bytes, 1, num_groups));
        for (uint32_t group = 0; group < num_groups; group += per_piece) {
            const uint32_t count = std::min(per_piece, num_groups - group);
            uint8_t* const piece = uploader.piece(count * group_bytes);
            parallel_for(count, [&](uint32_t first, uint32_t last) {
                for (uint32_t i = first; i < last; ++i) {
                    const uint32_t row = (group + i) * kUnitRows;
                    memset(piece + i * group_bytes, 0, group_bytes);
                    pack_rows(piece + i * group_bytes, part.format, weight, part.first_row + row,
                              std::min(kUnitRows, part.num_rows - row));
                }
            });
            uploader.send(packed->memory, offset, count * group_bytes);
            offset += count * group_bytes;
        }
    }
    weight.bytes = bytes;
    for (WeightPart& part : weight.parts) part.release();
    weight.packed = std::move(packed);
}

}  // namespace aerie::cuda
