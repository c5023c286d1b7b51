// out = weight[tokens], read back out of units.
#include "core/error.h"
#include "cuda/device/op_rows.h"
#include "cuda/device/primitives.h"
#include "cuda/launch.h"
#include "cuda/pack.h"

namespace aerie::cuda {
namespace {

constexpr int kThreads = 128, kMostParts = 8;

struct EmbeddingArguments {
    PackedPart parts[kMostParts];
    int num_parts;
    uint32_t cols;
    float* out;
    const uint8_t* block;  // of the batch
    OpRows num_rows;
};

// Input k of row r of a unit.
AERIE_PRIMITIVE float value_at(UnitFormat format, const uint8_t* unit, uint32_t r, uint32_t k) {
    if (is_quantized(format)) {
        const QuantizedLayout layout = quantized_layout(format);
        const auto half_at = [&](uint32_t at) { return from_f16(*reinterpret_cast<const uint16_t*>(unit + at)); };
        const uint32_t which = layout.num_scales == 2 ? k / kHalfInputs : 0;
        const float scale = half_at(layout.scales_at() + 2 * (which * kUnitRows + r));
        const float minimum = layout.has_minimum ? half_at(layout.minima_at() + 2 * r) : 0;
        return fmaf(scale, float(int(quant_of(layout, unit, r, k)) - int(layout.zero_point)), minimum);
    }
    const uint8_t* const at = unit + float_at(format, r, k);
    if (format == UnitFormat::f32) return *reinterpret_cast<const float*>(at);
    const uint16_t bits = *reinterpret_cast<const uint16_t*>(at);
    return format == UnitFormat::f16 ? from_f16(bits) : from_bf16(bits);
}

__global__ void __launch_bounds__(kThreads) embedding_rows(EmbeddingArguments a) {
    if (blockIdx.x >= a.num_rows.count()) return;
    const int32_t token = arrays_in(a.block).tokens[blockIdx.x];
    float* const out = a.out + size_t(blockIdx.x) * a.cols;
    int index = 0;
    while (index + 1 < a.num_parts && token >= int32_t(a.parts[index + 1].first_row)) ++index;
    const PackedPart& part = a.parts[index];
    const uint32_t row = uint32_t(token) - part.first_row, width = unit_cols(part.format);
    const uint8_t* const units = part.data + packed_bytes(part.format, kUnitRows, a.cols) * (row / kUnitRows);
    for (uint32_t k = threadIdx.x; k < a.cols; k += kThreads) {
        const uint8_t* const unit = units + size_t(k / width) * unit_bytes(part.format);
        out[k] = token < 0 ? 0 : value_at(part.format, unit, row % kUnitRows, k % width);
    }
}

}  // namespace

void embedding(const Op& op, const Launch& launch_of) {
    EmbeddingArguments arguments{
        {}, 0, op.weight->cols, floats(*op.out, launch_of), device_block(*op.batch), rows_of(op, *op.out, launch_of)};
    const std::vector<PackedPart>& parts = packed_of(*op.weight).parts;
    if (parts.size() > kMostParts)
        fail(AERIE_UNSUPPORTED, "embedding: a weight of %zu formats, at most %d", parts.size(), kMostParts);
    for (const PackedPart& part : parts) arguments.parts[arguments.num_parts++] = part;
    if (!arguments.num_rows.most) return;
    expect_success(launch(embedding_rows, {arguments.num_rows.most, kThreads}, launch_of.stream, arguments),
                   "embedding");
}

}  // namespace aerie::cuda
