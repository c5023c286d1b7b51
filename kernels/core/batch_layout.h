// How a batch's block lies in memory: counts, then its arrays one after another. Read on the host and in kernels, whose
// addresses all come from the counts in the block, so that a captured graph may be launched again for another batch.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/host_device.h"

namespace aerie {

struct BatchCounts {
    uint32_t num_rows = 0, num_segments = 0, pages_per_segment = 0, num_outputs = 0;
    uint32_t num_sources = 0;  // num_rows, or 0 if the rows have none
    uint32_t appended = 0;  // where a backend put more behind the arrays, in bytes from the block's begin; 0: nowhere
};

// The arrays of aerie_batch_write, wherever they lie.
struct BatchArrays : BatchCounts {
    const int32_t *tokens = nullptr, *positions = nullptr, *slots = nullptr, *visible = nullptr;
    const uint64_t* tree_masks = nullptr;
    const int32_t *segment_starts = nullptr, *page_table = nullptr, *outputs = nullptr, *sources = nullptr;
};

// Calls body(member, count) for every array in the order of a block.
template <class Arrays, class Body>
AERIE_HOST_DEVICE inline void for_arrays(Arrays& arrays, Body&& body) {
    const BatchCounts& counts = arrays;
    const size_t rows = counts.num_rows;
    body(arrays.tree_masks, rows);
    body(arrays.tokens, rows);
    body(arrays.positions, rows);
    body(arrays.slots, rows);
    body(arrays.visible, rows);
    body(arrays.segment_starts, size_t(counts.num_segments) + 1);
    body(arrays.outputs, size_t(counts.num_outputs));
    body(arrays.sources, size_t(counts.num_sources));
    body(arrays.page_table, size_t(counts.num_segments) * counts.pages_per_segment);
}

constexpr size_t kBlockHeaderBytes = (sizeof(BatchCounts) + 7) / 8 * 8;

// The arrays of a block that begins at `block`.
AERIE_HOST_DEVICE inline BatchArrays arrays_of(const BatchCounts& counts, const uint8_t* block) {
    BatchArrays arrays;
    static_cast<BatchCounts&>(arrays) = counts;
    block += kBlockHeaderBytes;
    for_arrays(arrays, [&]<class T>(const T*& array, size_t count) {
        array = reinterpret_cast<const T*>(block);
        block += count * sizeof(T);
    });
    return arrays;
}

// The arrays of a block that has its counts in front.
AERIE_HOST_DEVICE inline BatchArrays arrays_in(const uint8_t* block) {
    return arrays_of(*reinterpret_cast<const BatchCounts*>(block), block);
}

}  // namespace aerie
