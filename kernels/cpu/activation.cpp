// silu_mul and gelu_mul: out [rows, n] = activation(gate) * up (GLU variants, Shazeer 2020), x [rows, 2 n] = [gate |
// up].
#include "cpu/fused.h"

namespace aerie::cpu::AERIE_ISA {
namespace {

template <class Activation>
AERIE_INLINE void gate(const Op& op, const Worker& worker, Activation&& activation) {
    const uint32_t cols = op.out->cols, vectors = (cols + 15) / 16;
    uint32_t first, last;
    worker.share(rows_of(op, *op.out, worker) * vectors, first, last);
    for (uint32_t item = first; item < last; ++item) {
        const uint32_t row = item / vectors, i = item % vectors * 16;
        const float* gates = floats(*op.x, worker) + size_t(row) * 2 * cols + i;
        store_n(floats(*op.out, worker) + size_t(row) * cols + i,
                activation(load_n(gates, cols - i), load_n(gates + cols, cols - i)), cols - i);
    }
}

}  // namespace

void silu_mul(const Op& op, const Worker& worker) {
    gate(op, worker, [](Floats gate, Floats up) { return silu_mul(gate, up); });
}

void gelu_mul(const Op& op, const Worker& worker) {
    gate(op, worker, [](Floats gate, Floats up) { return gelu_mul(gate, up); });
}

}  // namespace aerie::cpu::AERIE_ISA
