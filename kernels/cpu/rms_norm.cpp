// out = x / sqrt(mean(x^2) + eps) * weight (Zhang & Sennrich 2019).
#include "cpu/fused.h"

namespace aerie::cpu::AERIE_ISA {

void rms_norm(const Op& op, const Worker& worker) {
    const uint32_t cols = op.out->cols;
    const float* weight = floats(*op.y, worker);
    uint32_t first, last;
    worker.share(rows_of(op, *op.out, worker), first, last);
    for (uint32_t row = first; row < last; ++row) {
        const float* x = floats(*op.x, worker) + size_t(row) * cols;
        float* out = floats(*op.out, worker) + size_t(row) * cols;
        const Floats inverse = set1(inverse_rms(x, cols, op.scalar));
        for (uint32_t i = 0; i < cols; i += 16)
            store_n(out + i, scaled(load_n(x + i, cols - i), inverse, load_n(weight + i, cols - i)), cols - i);
    }
}

}  // namespace aerie::cpu::AERIE_ISA
