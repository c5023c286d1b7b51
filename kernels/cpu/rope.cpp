// Rotary position embedding (Su et al. 2021) in the half-split order of Hugging Face checkpoints.
#include <cmath>

#include "cpu/ops.h"
#include "cpu/simd.h"

namespace aerie::cpu::AERIE_ISA {

void rope_angles(const Op& op, const Worker& worker) {
    const uint32_t half = op.x->cols;
    uint32_t first, last;
    worker.share(rows_of(*op.out), first, last);
    for (uint32_t row = first; row < last; ++row) {
        float* out = op.out->data + size_t(row) * op.out->cols;
        const double position = op.batch->positions.data()[row];
        for (uint32_t i = 0; i < half; ++i) {
            const double angle = position * double(op.x->data[i]);
            out[i] = float(::cos(angle));
            out[half + i] = float(::sin(angle));
        }
    }
}

void rope(const Op& op, const Worker& worker) {
    const uint32_t half = op.head_dim / 2;
    uint32_t first, last;
    worker.share(rows_of(*op.out) * op.num_heads, first, last);
    for (uint32_t item = first; item < last; ++item) {
        const uint32_t row = item / op.num_heads, head = item % op.num_heads;
        const float* cosine = op.y->data + size_t(row) * op.head_dim;
        float* x = op.out->data + size_t(row) * op.out->cols + head * op.head_dim;
        for (uint32_t i = 0; i < half; i += 16) {
            const Floats a = load(x + i), b = load(x + half + i), c = load(cosine + i), s = load(cosine + half + i);
            store(x + i, sub(mul(a, c), mul(b, s)));
            store(x + half + i, add(mul(b, c), mul(a, s)));
        }
    }
}

}  // namespace aerie::cpu::AERIE_ISA
