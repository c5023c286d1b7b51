// Stores the keys and values of a forward's rows into the pool.
#include "cpu/fused.h"

namespace aerie::cpu::AERIE_ISA {

void kv_store(const Op& op, const Worker& worker) {
    KvPool& kv = *op.kv;
    const uint32_t dim = kv.head_dim, heads = kv.num_kv_heads;
    uint32_t first, last;
    worker.share(rows_of(*op.x) * heads, first, last);
    for (uint32_t item = first; item < last; ++item) {
        const uint32_t row = item / heads, head = item % heads, slot = uint32_t(op.batch->slots.data()[row]);
        const float* key = op.x->data + size_t(row) * op.x->cols + (op.num_heads + head) * dim;
        if (kv.dtype == AERIE_F32) {
            store_kv<float>(kv, op.layer, slot, head, key, key + heads * dim);
        } else {
            store_kv<uint16_t>(kv, op.layer, slot, head, key, key + heads * dim);
        }
    }
}

}  // namespace aerie::cpu::AERIE_ISA
