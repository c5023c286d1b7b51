// x += bias, in place.
#include "cpu/ops.h"
#include "cpu/simd/simd.h"

namespace aerie::cpu::AERIE_ISA {

void add_bias(const Op& op, const Worker& worker) {
    const uint32_t cols = op.out->cols;
    uint32_t first, last;
    worker.share(rows_of(*op.out), first, last);
    for (uint32_t row = first; row < last; ++row) {
        float* x = op.out->data + size_t(row) * cols;
        for (uint32_t i = 0; i < cols; i += 16)
            store_n(x + i, add(load_n(x + i, cols - i), load_n(op.y->data + i, cols - i)), cols - i);
    }
}

}  // namespace aerie::cpu::AERIE_ISA
