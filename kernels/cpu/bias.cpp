// x += bias, in place.
#include "cpu/ops.h"
#include "cpu/simd/simd.h"

namespace aerie::cpu::AERIE_ISA {

void add_bias(const Op& op, const Worker& worker) {
    const uint32_t cols = op.out->cols;
    const float* bias = floats(*op.y, worker);
    uint32_t first, last;
    worker.share(rows_of(op, *op.out, worker), first, last);
    for (uint32_t row = first; row < last; ++row) {
        float* x = floats(*op.out, worker) + size_t(row) * cols;
        for (uint32_t i = 0; i < cols; i += 16)
            store_n(x + i, add(load_n(x + i, cols - i), load_n(bias + i, cols - i)), cols - i);
    }
}

}  // namespace aerie::cpu::AERIE_ISA
