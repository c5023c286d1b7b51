// rms_norm and group_norm: out = x / sqrt(mean(x^2) + eps) * weight (Zhang & Sennrich 2019), of whole rows or of groups
// of their columns.
#include "cpu/fused.h"

namespace aerie::cpu::AERIE_ISA {
namespace {

AERIE_INLINE void norm(float* out, const float* x, const float* weight, uint32_t cols, float eps) {
    const Floats inverse = set1(inverse_rms(x, cols, eps));
    for (uint32_t i = 0; i < cols; i += 16)
        store_n(out + i, scaled(load_n(x + i, cols - i), inverse, load_n(weight + i, cols - i)), cols - i);
}

}  // namespace

void rms_norm(const Op& op, const Worker& worker) {
    const uint32_t cols = op.out->cols;
    uint32_t first, last;
    worker.share(rows_of(op, *op.out, worker), first, last);
    for (uint32_t row = first; row < last; ++row) {
        const size_t at = size_t(row) * cols;
        norm(floats(*op.out, worker) + at, floats(*op.x, worker) + at, floats(*op.y, worker), cols, op.scalar);
    }
}

void group_norm(const Op& op, const Worker& worker) {
    uint32_t first, last;
    worker.share(rows_of(op, *op.out, worker) * op.num_heads, first, last);
    for (uint32_t item = first; item < last; ++item) {
        const uint32_t row = item / op.num_heads, group = item % op.num_heads;
        float* const x = floats(*op.out, worker) + size_t(row) * op.out->cols + op.column + group * op.head_dim;
        norm(x, x, floats(*op.y, worker), op.head_dim, op.scalar);
    }
}

}  // namespace aerie::cpu::AERIE_ISA
