// Order of numbers in the pool: [page, layer, KV head], so that memory grows with the pages in use; then values as
// [page_size, head_dim], and keys by 16 positions, so that scores need no sums over lanes: float32 as [page_size / 16,
// head_dim, 16 positions], bf16 as [page_size / 16, head_dim / 2, 16 positions, 2].
#pragma once
#include "core/objects.h"

namespace aerie::cpu {

inline size_t page_offset(const KvPool& kv, uint32_t layer, uint32_t page, uint32_t head) {
    return ((size_t(page) * kv.num_layers + layer) * kv.num_kv_heads + head) * kv.page_size * kv.head_dim;
}

// Dimensions of a key that lie side by side.
template <class T>
constexpr uint32_t kKeyPair = sizeof(T) == 2 ? 2 : 1;

// Where the key at a position of a page begins, and how far apart its runs of kKeyPair dimensions are.
template <class T>
inline size_t key_offset(const KvPool& kv, uint32_t position) {
    return size_t(position / 16) * 16 * kv.head_dim + position % 16 * kKeyPair<T>;
}
template <class T>
constexpr uint32_t kKeyStride = 16 * kKeyPair<T>;

// Copies one layer's and KV head's rows (layer * num_kv_heads + head) from slot to slot, one after another.
void move_kv(KvPool& kv, uint32_t layer_and_head, const int32_t* from, const int32_t* to, uint32_t num_slots);

}  // namespace aerie::cpu
