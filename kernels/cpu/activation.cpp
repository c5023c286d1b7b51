// out = silu(gate) * up, x = [gate | up].
#include "cpu/ops.h"
#include "cpu/simd.h"

namespace aerie::cpu::AERIE_ISA {

void silu_mul(const Op& op, const Worker& worker) {
    const uint32_t cols = op.out->cols, vectors = (cols + 15) / 16;
    uint32_t first, last;
    worker.share(rows_of(*op.out) * vectors, first, last);
    for (uint32_t item = first; item < last; ++item) {
        const uint32_t row = item / vectors, i = item % vectors * 16;
        const float* gate = op.x->data + size_t(row) * 2 * cols + i;
        const Floats g = load_n(gate, cols - i), u = load_n(gate + cols, cols - i);
        const Floats e = exp(sub(set1(0.0f), g));
        store_n(op.out->data + size_t(row) * cols + i, div(mul(g, u), add(set1(1.0f), e)), cols - i);
    }
}

}  // namespace aerie::cpu::AERIE_ISA
