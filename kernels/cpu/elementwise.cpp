// add, scale and soft_cap: what is done to every number of a tensor by itself.
#include "cpu/fused.h"

namespace aerie::cpu::AERIE_ISA {
namespace {

// Calls body(offset, count) for this thread's runs of up to 16 numbers of the op's rows.
template <class Body>
AERIE_INLINE void for_each_vector(const Op& op, const Worker& worker, Body&& body) {
    const size_t cols = op.out->cols;
    uint32_t first, last;
    worker.share(rows_of(op, *op.out, worker), first, last);
    for (size_t i = first * cols; i < last * cols; i += 16) body(i, uint32_t(std::min<size_t>(last * cols - i, 16)));
}

}  // namespace

void add(const Op& op, const Worker& worker) {
    float* const out = floats(*op.out, worker);
    const float *const x = floats(*op.x, worker), *const y = floats(*op.y, worker);
    const Floats factor = set1(op.scalar);
    for_each_vector(op, worker, [&](size_t i, uint32_t n) {
        store_n(out + i, add(load_n(x + i, n), mul(load_n(y + i, n), factor)), n);
    });
}

void scale(const Op& op, const Worker& worker) {
    float* const x = floats(*op.out, worker);
    const Floats factor = set1(op.scalar);
    for_each_vector(op, worker, [&](size_t i, uint32_t n) { store_n(x + i, mul(load_n(x + i, n), factor), n); });
}

void soft_cap(const Op& op, const Worker& worker) {
    float* const x = floats(*op.out, worker);
    const Floats cap = set1(op.scalar);
    for_each_vector(op, worker,
                    [&](size_t i, uint32_t n) { store_n(x + i, mul(cap, tanh(div(load_n(x + i, n), cap))), n); });
}

}  // namespace aerie::cpu::AERIE_ISA
