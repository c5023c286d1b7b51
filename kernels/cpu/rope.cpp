// Rotary position embedding (Su et al. 2021) in the half-split order of Hugging Face checkpoints.
#include <cmath>

#include "cpu/fused.h"

namespace aerie::cpu::AERIE_ISA {

void rope_angles(const Op& op, const Worker& worker) {
    const uint32_t half = op.x->cols;
    const float* frequencies = floats(*op.x, worker);
    uint32_t first, last;
    worker.share(rows_of(op, *op.out, worker), first, last);
    for (uint32_t row = first; row < last; ++row) {
        float* out = floats(*op.out, worker) + size_t(row) * op.out->cols;
        const double position = op.rows->positions[row];
        for (uint32_t i = 0; i < half; ++i) {
            const double angle = position * double(frequencies[i]);
            out[i] = float(::cos(angle)) * op.scalar;
            out[half + i] = float(::sin(angle)) * op.scalar;
        }
    }
}

void rope(const Op& op, const Worker& worker) {
    uint32_t first, last;
    worker.share(rows_of(op, *op.out, worker) * op.num_heads, first, last);
    for (uint32_t item = first; item < last; ++item) {
        const uint32_t row = item / op.num_heads, head = item % op.num_heads;
        rotate(floats(*op.out, worker) + size_t(row) * op.out->cols + head * op.head_dim,
               floats(*op.y, worker) + size_t(row) * op.y->cols, op.y->cols / 2);
    }
}

}  // namespace aerie::cpu::AERIE_ISA
