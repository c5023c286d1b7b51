// The plan of attention for one launch: which queries read which keys together, in the order in which workers take
// them. The host makes it once per launch and shape of heads, as FlashInfer's scheduler does; a device's kernel is a
// loop over the items, which are plain data that may be copied to it as they are.
#pragma once
#include <cstdint>
#include <vector>

#include "core/host_device.h"

namespace aerie {

// Keys per block; partial results of blocks are merged in order. The blocks are those of decoding without a draft tree,
// whatever gaps the keys of a tree leave, so that every sum runs in the same order.
constexpr uint32_t kKeysPerBlock = 256;
// Queries of an item at most. A query is a pair of a row and a query head; one pass over the keys serves them all.
constexpr uint32_t kMaxQueries = 12;
// Blocks of a plan with split-KV at most, over all items; each needs room for its partial result.
constexpr uint32_t kMaxSplitBlocks = 1024;

// A key's place among those of its row: its index, or for keys of the row's tree as if they followed without gaps. A
// row of a layer with a window sees the last `window` of its places, a row of another one all. Place of the first:
AERIE_HOST_DEVICE inline uint32_t first_place(uint32_t num_places, uint32_t window) {
    return window && num_places > window ? num_places - window : 0;
}

// Queries of one segment that read the same KV head, and blocks of their keys. Pair p of a segment and KV head is row
// first_row + p / group and query head kv_head * group + p % group, with group = num_heads / num_kv_heads.
struct AttentionItem {
    uint32_t segment, kv_head;
    uint32_t first_row;                // of the segment, in the batch
    uint32_t first_pair, num_pairs;    // num_pairs: 1 .. kMaxQueries
    uint32_t first_key, end_key;       // places of the keys that any of its pairs sees: first_key .. end_key - 1
    uint32_t first_block, num_blocks;  // all blocks of these keys, or one of them with split-KV
    uint32_t first_partial;            // partial result of `top_block`; those of later ones follow. Unique per queries

    uint32_t top_block() const { return first_key / kKeysPerBlock; }
    uint32_t all_blocks() const { return (end_key + kKeysPerBlock - 1) / kKeysPerBlock - top_block(); }
};

struct AttentionPlan {
    // Ordered by segment, then pairs, then KV head, then block: successive items read the same keys or the next ones,
    // so a worker may prefetch the keys of the item it will probably take next.
    std::vector<AttentionItem> items;
    // Split-KV (Flash-Decoding): every item is one block, since there are few queries over long contexts. The worker
    // that finishes the last block of some queries merges them all.
    bool splits = false;
    // True if every item holds all rows of its segment and all their keys; then the item may store these keys itself
    // (fused kv_store).
    bool whole_segments = true;
};

// The arrays of a batch that the planner reads, in host memory.
struct AttentionRows {
    const int32_t* segment_starts;  // [num_segments + 1]
    const int32_t* visible;         // [rows]
    const uint64_t* tree_masks;     // [rows]
    uint32_t num_segments;
};

// Plans a launch into `plan`, reusing its memory, for `num_workers` workers that take items as they become free. Every
// query meets every block of its keys exactly once. window: see first_place; 0 if there is none.
void plan_attention(AttentionPlan& plan, const AttentionRows& rows, uint32_t num_heads, uint32_t num_kv_heads,
                    uint32_t window, uint32_t num_workers);

}  // namespace aerie
