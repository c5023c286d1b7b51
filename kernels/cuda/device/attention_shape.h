// The work of attention as both of its kernels see it: items, chunks of keys and partial results.
//
// A pair is a row and a query head. An item is up to `pairs_per_item` pairs of one segment whose heads share a KV head:
// pair p of a segment is its row p / group and head p % group of the group. Chunk c of a row are the keys whose place
// among those that the row sees is in 256 c .. 256 c + 255. Keys before `visible` have their index as place; those of
// the tree follow without gaps.
#pragma once
#include <cuda_runtime.h>

#include "core/attention_plan.h"
#include "core/batch_layout.h"
#include "cuda/device/kv_cache.h"
#include "cuda/device/math.h"
#include "cuda/device/reduce.h"

namespace aerie::cuda {

// Below every score; exp(kLowest - score) is 0.
constexpr float kLowest = -1e30f;
constexpr uint32_t kRowsPerItem = 16;

// Of some keys: the largest score, and the sum of exp(score - top). Sums of exp(score - top) * value lie elsewhere.
struct Softmax {
    float top = kLowest, mass = 0.0f;
};

// Factors that bring two partial results to the same top.
struct MergeFactors {
    float into, more;
};
// into += more.
__device__ inline MergeFactors merge(Softmax& into, const Softmax& more) {
    const float top = fmaxf(into.top, more.top);
    const MergeFactors factors = {exp_of(into.top - top), exp_of(more.top - top)};
    into.top = top;
    into.mass = fmaf(more.mass, factors.more, into.mass * factors.into);
    return factors;
}
__device__ inline float merged(float into, float more, const MergeFactors& factors) {
    return fmaf(more, factors.more, into * factors.into);
}

// Chunks that a row of `keys` keys sees at most.
__host__ __device__ inline uint32_t chunks_of_keys(uint32_t keys, uint32_t window) {
    const uint32_t all = keys / kKeysPerBlock + (keys % kKeysPerBlock != 0);
    // A window begins anywhere in its first chunk.
    const uint32_t most = window ? (window - 1) / kKeysPerBlock + 2 : all;
    return most < all ? most : all;
}

// Chunks of which a row sees keys: first .. end - 1, at least one.
struct ChunkRange {
    uint32_t first, end;
    __device__ uint32_t count() const { return end - first; }
};

struct AttentionShape {
    KvLayout kv;
    uint32_t layer = 0, num_heads = 0, group = 0;
    uint32_t qkv_cols = 0, pairs_per_item = 0;
    uint32_t window = 0;  // places that a row sees, counted from its last; 0: all
    float scale = 0, soft_cap = 0;

    // A partial result: sums, then top and mass, whole vectors of 16 bytes.
    __host__ __device__ uint32_t partial_floats() const { return kv.head_dim + 4; }

    // Chunks that a row sees at most.
    __device__ uint32_t most_chunks(const BatchCounts& counts) const {
        return chunks_of_keys(counts.pages_per_segment * kv.page_size, window);
    }
    // True if there is room for the partial results of all rows.
    __device__ bool has_room(const BatchCounts& counts, size_t scratch_floats) const {
        return size_t(counts.num_rows) * num_heads * most_chunks(counts) * partial_floats() <= scratch_floats;
    }
    // Of a row's chunk, counted from the first that it sees.
    __device__ size_t partial(const BatchCounts& counts, uint32_t row, uint32_t head, uint32_t chunk) const {
        return ((size_t(row) * num_heads + head) * most_chunks(counts) + chunk) * partial_floats();
    }
};

__device__ inline ChunkRange chunks_of_row(const BatchArrays& arrays, uint32_t window, uint32_t row) {
    const uint32_t keys = uint32_t(arrays.visible[row]) + uint32_t(__popcll(arrays.tree_masks[row]));
    return {first_place(keys, window) / kKeysPerBlock,
            keys <= kKeysPerBlock ? 1 : (keys + kKeysPerBlock - 1) / kKeysPerBlock};
}

struct RowItem {
    uint32_t segment, first_pair, num_pairs;  // first_pair: of the segment
    uint32_t first_row, num_rows;             // rows that its pairs are of, in the batch
};

// Finds item `index` of the batch; false if there are fewer. Called by all lanes of a warp.
__device__ inline bool find_item(const BatchArrays& arrays, const AttentionShape& shape, uint32_t index,
                                 RowItem& item) {
    const uint32_t lane = threadIdx.x % 32, per_item = shape.pairs_per_item;
    for (uint32_t first = 0; first < arrays.num_segments; first += 32) {
        const uint32_t segment = first + lane;
        uint32_t pairs = 0;
        if (segment < arrays.num_segments)
            pairs = uint32_t(arrays.segment_starts[segment + 1] - arrays.segment_starts[segment]) * shape.group;
        const uint32_t items = (pairs + per_item - 1) / per_item;
        uint32_t up_to = items;
        for (uint32_t distance = 1; distance < 32; distance *= 2) {
            const uint32_t before = __shfl_up_sync(kAllLanes, up_to, distance);
            if (lane >= distance) up_to += before;
        }
        const unsigned later = __ballot_sync(kAllLanes, index < up_to);
        if (!later) {
            index -= __shfl_sync(kAllLanes, up_to, 31);
            continue;
        }
        const int owner = __ffs(int(later)) - 1;
        pairs = __shfl_sync(kAllLanes, pairs, owner);
        item.segment = first + uint32_t(owner);
        item.first_pair = (index - __shfl_sync(kAllLanes, up_to - items, owner)) * per_item;
        item.num_pairs = min(per_item, pairs - item.first_pair);
        item.first_row = uint32_t(arrays.segment_starts[item.segment]) + item.first_pair / shape.group;
        item.num_rows = (item.first_pair + item.num_pairs - 1) / shape.group - item.first_pair / shape.group + 1;
        return true;
    }
    return false;
}

// What a row sees of a chunk: keys begin .. visible - 1, and key visible + i if bit i of `tree` is set.
struct RowKeys {
    int32_t begin, visible, end;  // begin: at most `visible`; end: behind the last key, 0 if there is none
    uint64_t tree;

    __device__ bool sees(int32_t key) const {
        const uint32_t beyond = uint32_t(key - visible);
        return uint32_t(key - begin) < uint32_t(visible - begin) || (beyond < 64 && (tree >> beyond & 1));
    }
};

__device__ inline RowKeys keys_in_chunk(int32_t visible, uint64_t tree, uint32_t window, int32_t first) {
    const int32_t num_tree = __popcll(tree), last = first + int32_t(kKeysPerBlock);
    // Places before `from` belong to other chunks or to none.
    const int32_t from = max(first, int32_t(first_place(uint32_t(visible + num_tree), window)));
    int32_t place = visible;
    if (place < from || place + num_tree > last)
        for (uint64_t left = tree; left; left &= left - 1, ++place)
            if (place < from || place >= last) tree &= ~(left & (~left + 1));
    RowKeys keys;
    keys.visible = min(visible, last);
    keys.begin = min(from, keys.visible);
    keys.end = tree ? visible + 64 - __clzll(int64_t(tree)) : from < last ? keys.visible : 0;
    keys.tree = tree;
    return keys;
}

}  // namespace aerie::cuda
