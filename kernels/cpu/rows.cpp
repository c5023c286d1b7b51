// Rows between a batch's tensors and wider ones that are addressed by source index or KV slot.
#include <cstring>

#include "cpu/ops.h"

namespace aerie::cpu::AERIE_ISA {

void gather_rows(const Op& op, const Worker& worker) {
    uint32_t first, last;
    worker.share(rows_of(*op.out), first, last);
    const size_t cols = op.out->cols;
    for (uint32_t row = first; row < last; ++row) {
        const float* from = op.x->data + size_t(op.batch->sources.data()[row]) * op.x->cols + op.column;
        memcpy(op.out->data + row * cols, from, cols * sizeof(float));
    }
}

void store_rows(const Op& op, const Worker& worker) {
    uint32_t first, last;
    worker.share(rows_of(*op.x), first, last);
    const size_t cols = op.x->cols;
    for (uint32_t row = first; row < last; ++row) {
        float* to = op.out->data + size_t(op.batch->slots.data()[row]) * op.out->cols + op.column;
        memcpy(to, op.x->data + row * cols, cols * sizeof(float));
    }
}

}  // namespace aerie::cpu::AERIE_ISA
