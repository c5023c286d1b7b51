// out = x / sqrt(mean(x^2) + eps) * weight (Zhang & Sennrich 2019).
#include "cpu/fused.h"

namespace aerie::cpu::AERIE_ISA {

void rms_norm(const Op& op, const Worker& worker) {
    const uint32_t cols = op.out->cols;
    const float* weight = op.y->data;
    uint32_t first, last;
    worker.share(rows_of(*op.out), first, last);
    for (uint32_t row = first; row < last; ++row) {
        const float* x = op.x->data + size_t(row) * cols;
        float* out = op.out->data + size_t(row) * cols;
        const Floats inverse = set1(inverse_rms(x, cols, op.scalar));
        for (uint32_t i = 0; i < cols; i += 16)
            store_n(out + i, scaled(load_n(x + i, cols - i), inverse, load_n(weight + i, cols - i)), cols - i);
    }
}

}  // namespace aerie::cpu::AERIE_ISA
