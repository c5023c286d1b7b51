// Stores the keys and values of a forward's rows into the pool.
#include "cpu/kv_cache.h"

#include "cpu/ops.h"
#include "cpu/simd.h"

namespace aerie::cpu::AERIE_ISA {
namespace {

AERIE_INLINE void put(float* p, float value) { *p = value; }
AERIE_INLINE void put(uint16_t* p, float value) { *p = f32_to_bf16(value); }

template <class T>
void store_rows(const Op& op, const Worker& worker) {
    KvPool& kv = *op.kv;
    const uint32_t dim = kv.head_dim, heads = kv.num_kv_heads;
    uint32_t first, last;
    worker.share(rows_of(*op.x) * heads, first, last);
    for (uint32_t item = first; item < last; ++item) {
        const uint32_t row = item / heads, head = item % heads;
        const uint32_t slot = uint32_t(op.batch->slots.data()[row]), at = slot % kv.page_size;
        const size_t page = page_offset(kv, op.layer, slot / kv.page_size, head);
        const float* key = op.x->data + size_t(row) * op.x->cols + (op.num_heads + head) * dim;
        const float* value = key + heads * dim;
        T* keys = reinterpret_cast<T*>(kv.keys.data()) + page + size_t(at / 16) * 16 * dim + at % 16;
        T* values = reinterpret_cast<T*>(kv.values.data()) + page + size_t(at) * dim;
        for (uint32_t d = 0; d < dim; ++d) {
            put(keys + d * 16, key[d]);
            put(values + d, value[d]);
        }
    }
}

}  // namespace

void kv_store(const Op& op, const Worker& worker) {
    if (op.kv->dtype == AERIE_F32) {
        store_rows<float>(op, worker);
    } else {
        store_rows<uint16_t>(op, worker);
    }
}

}  // namespace aerie::cpu::AERIE_ISA
