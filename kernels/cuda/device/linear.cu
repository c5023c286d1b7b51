// out = x * weight^T (+ residual) (+ bias), or the gate's silu times the rest: weights of float types, and what all
// formats share.
#include "core/error.h"
#include "cuda/device/linear_quantized.h"

namespace aerie::cuda {
namespace {

LinearLauncher launcher(UnitFormat format, uint32_t slices) {
    switch (format) {
        case UnitFormat::f32:
            return &launch_linear<FloatFormat, 1>;
        case UnitFormat::f16:
            return linear_launcher<HalfFormat<UnitFormat::f16>>(slices);
        case UnitFormat::bf16:
            return linear_launcher<HalfFormat<UnitFormat::bf16>>(slices);
        case UnitFormat::q4:
            return linear_launcher<QuantizedFormat<UnitFormat::q4>>(slices);
        case UnitFormat::q4_min:
            return linear_launcher<QuantizedFormat<UnitFormat::q4_min>>(slices);
        case UnitFormat::q5:
            return linear_launcher<QuantizedFormat<UnitFormat::q5>>(slices);
        case UnitFormat::q5_min:
            return linear_launcher<QuantizedFormat<UnitFormat::q5_min>>(slices);
        case UnitFormat::q6:
            return linear_launcher<QuantizedFormat<UnitFormat::q6>>(slices);
        case UnitFormat::q8:
            return linear_launcher<QuantizedFormat<UnitFormat::q8>>(slices);
    }
    fail(AERIE_INTERNAL, "linear: no kernel for weights of format %d", int(format));
}

}  // namespace

void linear(const Op& op, const Launch& launch) {
    const OpRows num_rows = rows_of(op, *op.out, launch);
    if (!num_rows.most) return;
    for (const PackedPart& part : packed_of(*op.weight).parts) {
        const uint32_t slices = num_slices(part.format, op.weight->rows, op.weight->cols);
        launcher(part.format, slices)({.weight = part.data,
                                       .weight_rows = part.num_rows,
                                       .cols = op.weight->cols,
                                       .x = floats(*op.x, launch),
                                       .residual = op.y ? floats(*op.y, launch) + part.first_row : nullptr,
                                       .bias = op.bias ? floats(*op.bias, launch) + part.first_row : nullptr,
                                       .out = floats(*op.out, launch) + part.first_row,
                                       .stride = op.out->cols,
                                       .num_rows = num_rows,
                                       .slices = slices,
                                       .gated = op.gated},
                                      launch.stream);
    }
}

}  // namespace aerie::cuda
