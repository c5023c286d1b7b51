// Stores the keys and values of a forward's rows into the pool.
#include "cpu/fused.h"

namespace aerie::cpu::AERIE_ISA {
namespace {

template <class T>
void store_share(const Op& op, const Worker& worker) {
    const uint32_t dim = op.kv->head_dim, heads = op.kv->num_kv_heads;
    uint32_t first, last;
    worker.share(rows_of(op, *op.x, worker) * heads, first, last);
    for (uint32_t item = first; item < last; ++item) {
        const uint32_t row = item / heads, head = item % heads, slot = uint32_t(op.rows->slots[row]);
        const float* key = floats(*op.x, worker) + size_t(row) * op.x->cols + (op.num_heads + head) * dim;
        store_kv<T>(*op.kv, op.layer, slot, head, key, key + heads * dim);
    }
}

}  // namespace

void kv_store(const Op& op, const Worker& worker) {
    switch (op.kv->dtype) {
        case AERIE_F32:
            return store_share<float>(op, worker);
        case AERIE_F16:
            return store_share<Float16>(op, worker);
        default:
            return store_share<Bfloat16>(op, worker);
    }
}

}  // namespace aerie::cpu::AERIE_ISA
