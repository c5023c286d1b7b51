// Order of numbers in the pool: [layer][page][keys | values][KV head][page_size][head_dim], so that what attention
// reads of a page and head lies together.
#pragma once
#include <cuda_runtime.h>

#include "core/objects.h"

namespace aerie::cuda {

// Where numbers lie, in elements.
struct KvLayout {
    uint32_t num_pages = 0, page_size = 0, num_kv_heads = 0, head_dim = 0;

    // From one KV head's keys of a page to the next one's.
    __host__ __device__ size_t head_stride() const { return size_t(page_size) * head_dim; }
    // From the keys of a page and head to its values.
    __host__ __device__ size_t values() const { return num_kv_heads * head_stride(); }
    __host__ __device__ size_t page_stride() const { return 2 * values(); }
    __host__ __device__ size_t layer_stride() const { return num_pages * page_stride(); }
    // The key of a slot in one layer; its value lies values() behind.
    __host__ __device__ size_t key(uint32_t layer, uint32_t slot, uint32_t head) const {
        return layer * layer_stride() + slot / page_size * page_stride() + head * head_stride() +
               size_t(slot % page_size) * head_dim;
    }
};

inline KvLayout layout_of(const KvPool& kv) { return {kv.num_pages, kv.page_size, kv.num_kv_heads, kv.head_dim}; }

}  // namespace aerie::cuda
