// Rows between a batch's tensors and wider ones that are addressed by source index or KV slot.
#include <cstring>

#include "core/formats.h"
#include "cpu/ops.h"

namespace aerie::cpu::AERIE_ISA {
namespace {

// Address of element [row, column] of a tensor stored as T.
template <class T>
T* row_at(const Tensor& tensor, uint32_t row, uint32_t column) {
    return static_cast<T*>(tensor.buffer.address) + size_t(row) * tensor.cols + column;
}

}  // namespace

void gather_rows(const Op& op, const Worker& worker) {
    uint32_t first, last;
    worker.share(rows_of(op, *op.out, worker), first, last);
    const size_t cols = op.out->cols;
    for (uint32_t row = first; row < last; ++row) {
        const auto source = uint32_t(op.rows->sources[row]);
        float* out = floats(*op.out, worker) + row * cols;
        if (op.x->dtype == AERIE_F32) {
            memcpy(out, row_at<float>(*op.x, source, op.column), cols * sizeof(float));
        } else {
            widen(out, row_at<uint16_t>(*op.x, source, op.column), cols, op.x->dtype);
        }
    }
}

void store_rows(const Op& op, const Worker& worker) {
    uint32_t first, last;
    worker.share(rows_of(op, *op.x, worker), first, last);
    const size_t cols = op.x->cols;
    for (uint32_t row = first; row < last; ++row) {
        const auto slot = uint32_t(op.rows->slots[row]);
        const float* x = floats(*op.x, worker) + row * cols;
        if (op.out->dtype == AERIE_F32) {
            memcpy(row_at<float>(*op.out, slot, op.column), x, cols * sizeof(float));
        } else {
            narrow(row_at<uint16_t>(*op.out, slot, op.column), x, cols, op.out->dtype);
        }
    }
}

}  // namespace aerie::cpu::AERIE_ISA
