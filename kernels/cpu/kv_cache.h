// Order of numbers in the pool: [page, layer, KV head], so that memory grows with the pages in use and what attention
// reads of a page lies together; then keys as [page_size / 16, head_dim, 16 positions], so that scores need no sums
// over lanes, and behind them values as [page_size, head_dim].
#pragma once
#include "core/objects.h"

namespace aerie::cpu {

template <class T>
T* numbers(const KvPool& kv) {
    return static_cast<T*>(kv.buffer.address);
}

// From the keys of a page, layer and head to its values.
inline size_t values_offset(const KvPool& kv) { return size_t(kv.page_size) * kv.head_dim; }

// Of the keys.
inline size_t page_offset(const KvPool& kv, uint32_t layer, uint32_t page, uint32_t head) {
    return ((size_t(page) * kv.num_layers + layer) * kv.num_kv_heads + head) * 2 * values_offset(kv);
}

// Of a slot's key, whose numbers lie 16 apart, and of its value.
inline size_t key_offset(const KvPool& kv, uint32_t layer, uint32_t slot, uint32_t head) {
    const uint32_t at = slot % kv.page_size;
    return page_offset(kv, layer, slot / kv.page_size, head) + size_t(at / 16) * 16 * kv.head_dim + at % 16;
}
inline size_t value_offset(const KvPool& kv, uint32_t layer, uint32_t slot, uint32_t head) {
    return page_offset(kv, layer, slot / kv.page_size, head) + values_offset(kv) +
           size_t(slot % kv.page_size) * kv.head_dim;
}

// Copies one layer's and KV head's rows (layer * num_kv_heads + head) from slot to slot, one after another.
void copy_kv(KvPool& kv, uint32_t layer_and_head, const int32_t* from, const int32_t* to, uint32_t num_slots);

}  // namespace aerie::cpu
