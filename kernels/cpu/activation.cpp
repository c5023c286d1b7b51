// silu_mul: out [rows, n] = silu(gate) * up (SwiGLU, Shazeer 2020), x [rows, 2 n] = [gate | up].
#include "cpu/fused.h"

namespace aerie::cpu::AERIE_ISA {

void silu_mul(const Op& op, const Worker& worker) {
    const uint32_t cols = op.out->cols, vectors = (cols + 15) / 16;
    uint32_t first, last;
    worker.share(rows_of(op, *op.out, worker) * vectors, first, last);
    for (uint32_t item = first; item < last; ++item) {
        const uint32_t row = item / vectors, i = item % vectors * 16;
        const float* gate = floats(*op.x, worker) + size_t(row) * 2 * cols + i;
        store_n(floats(*op.out, worker) + size_t(row) * cols + i,
                silu_mul(load_n(gate, cols - i), load_n(gate + cols, cols - i)), cols - i);
    }
}

}  // namespace aerie::cpu::AERIE_ISA
