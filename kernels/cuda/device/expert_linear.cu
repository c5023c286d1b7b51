// Products with the experts that rows go to: weights of float types, and what all formats share.
#include "core/error.h"
#include "cuda/device/linear_quantized.h"
#include "cuda/experts.h"

namespace aerie::cuda {
namespace {

using ExpertLauncher = void (*)(const ExpertArguments& arguments, uint32_t tile_rows, cudaStream_t stream);

ExpertLauncher launcher(UnitFormat format) {
    switch (format) {
        case UnitFormat::f32:
            return &launch_experts<FloatFormat>;
        case UnitFormat::f16:
            return &launch_experts<HalfFormat<UnitFormat::f16>>;
        case UnitFormat::bf16:
            return &launch_experts<HalfFormat<UnitFormat::bf16>>;
        case UnitFormat::q4:
            return &launch_experts<QuantizedFormat<UnitFormat::q4>>;
        case UnitFormat::q4_min:
            return &launch_experts<QuantizedFormat<UnitFormat::q4_min>>;
        case UnitFormat::q5:
            return &launch_experts<QuantizedFormat<UnitFormat::q5>>;
        case UnitFormat::q5_min:
            return &launch_experts<QuantizedFormat<UnitFormat::q5_min>>;
        case UnitFormat::q6:
            return &launch_experts<QuantizedFormat<UnitFormat::q6>>;
        case UnitFormat::q8:
            return &launch_experts<QuantizedFormat<UnitFormat::q8>>;
    }
    fail(AERIE_INTERNAL, "expert_linear: no kernel for weights of format %d", int(format));
}

// Experts of each part of an op's weight, and the rows that each has.
uint32_t rows_per_expert(const Op& op) { return op.out->cols / (op.num_parts * top_k_of(op)); }
uint32_t experts_of(const Op& op) { return op.weight->rows / (op.num_parts * rows_per_expert(op)); }

}  // namespace

void check_experts(const Op& op) {
    if (experts_of(op) > kMostExperts)
        fail(AERIE_UNSUPPORTED, "expert_linear: %u experts, expected up to %u", experts_of(op), kMostExperts);
}

size_t expert_scratch_bytes(const Op& op) {
    return ExpertWork::bytes(size_t(op.out->capacity) * top_k_of(op), experts_of(op));
}

void expert_linear(const Op& op, const Launch& on) {
    const OpRows rows = rows_of(op, *op.out, on);
    if (!rows.most) return;
    const uint32_t top_k = top_k_of(op), n = rows_per_expert(op), num_experts = experts_of(op);
    const size_t num_entries = size_t(rows.most) * top_k;
    const uint32_t tile_rows = num_entries <= size_t(num_experts) * kFewTileRows ? kFewTileRows : kManyTileRows;
    const ExpertWork work(on.scratch, num_entries, num_experts);
    expect_success(sort_entries(work, floats(*op.y, on), rows, top_k, num_experts, tile_rows, on.stream),
                   "expert_linear");
    for (const PackedPart& part : packed_of(*op.weight).parts)
        launcher(part.format)({.weight = part.data,
                               .weight_rows = part.num_rows,
                               .cols = op.weight->cols,
                               .first_weight_row = part.first_row,
                               .x = floats(*op.x, on),
                               .has_own_rows = op.x->cols != op.weight->cols,
                               .out = floats(*op.out, on),
                               .n = n,
                               .top_k = top_k,
                               .num_parts = op.num_parts,
                               .num_experts = num_experts,
                               .blocks_per_part = 0,
                               .work = work,
                               .slices = num_slices(part.format, op.num_parts * n, op.weight->cols),
                               .most_tiles = ExpertWork::most_tiles(num_entries, num_experts, tile_rows)},
                              tile_rows, on.stream);
}

}  // namespace aerie::cuda
