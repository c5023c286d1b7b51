// Attention of an item to a tile of 32 keys in shared memory: scores, their running softmax, sums of values.
//
// A pair takes the keys that it sees one after another: where a score exceeds all before, what was summed is multiplied
// by exp(top before - score), and the key's own weight is 1; else the weight is exp(score - top). So the result is a
// function of the keys in their order, not of where tiles begin or of keys between that others see.
#pragma once
#include "cuda/device/attention_shape.h"
#include "cuda/device/numbers.h"
#include "cuda/device/primitives.h"

namespace aerie::cuda {

constexpr uint32_t kTile = 32;
constexpr uint32_t kAttentionThreads = 256;

// Shared memory of a block.
struct AttentionMemory {
    float* queries;  // [pairs, dim]
    float* sums;     // [pairs, dim]
    float* tile;     // [kTile, dim + 4]: keys, then values
    float* weights;  // [pairs, kTile]: scores, then weights, or factors where a pair's top grows
    Softmax* softmax;
    uint32_t *seen, *grown;  // [pairs] bits of the tile's keys
    RowKeys* rows;           // [kRowsPerItem] of the chunk

    __device__ AttentionMemory(uint32_t pairs, uint32_t dim) {
        rows = dynamic_shared<RowKeys>();
        queries = reinterpret_cast<float*>(rows + kRowsPerItem);
        sums = queries + pairs * dim;
        tile = sums + pairs * dim;
        weights = tile + kTile * (dim + 4);
        softmax = reinterpret_cast<Softmax*>(weights + pairs * kTile);
        seen = reinterpret_cast<uint32_t*>(softmax + pairs);
        grown = seen + pairs;
    }
    static size_t bytes(uint32_t pairs, uint32_t dim) {
        return kRowsPerItem * sizeof(RowKeys) + pairs * pair_bytes(dim) + kTile * (dim + 4) * sizeof(float);
    }
    static size_t pair_bytes(uint32_t dim) {
        return (2 * dim + kTile) * sizeof(float) + sizeof(Softmax) + 2 * sizeof(uint32_t);
    }
};

// The row of a pair of an item, counted from the item's first.
__device__ inline uint32_t row_of(const RowItem& item, const AttentionShape& shape, uint32_t pair) {
    return (item.first_pair + pair) / shape.group - item.first_pair / shape.group;
}

// tile = `count` keys or values from `key` on; numbers: those of the layer and KV head, of page 0.
template <class T>
__device__ void load_tile(float* tile, const T* numbers, const int32_t* pages, const KvLayout& kv, uint32_t key,
                          uint32_t count) {
    constexpr uint32_t kNumbers = sizeof(uint4) / sizeof(T);
    const uint32_t vectors = kv.head_dim / kNumbers;
    for (uint32_t i = threadIdx.x; i < count * vectors; i += kAttentionThreads) {
        const uint32_t at = key + i / vectors, d = i % vectors * kNumbers;
        const T* from =
            numbers + size_t(pages[at / kv.page_size]) * kv.page_stride() + size_t(at % kv.page_size) * kv.head_dim + d;
        float4* to = reinterpret_cast<float4*>(tile + i / vectors * (kv.head_dim + 4) + d);
        widen_vector<T>(to, *reinterpret_cast<const uint4*>(from));
    }
}

// weights [pairs, kTile] = scores of kPairs pairs from `pair` on, at the key of the calling lane.
template <uint32_t kPairs>
__device__ void score_pairs(const AttentionMemory& memory, uint32_t pair, uint32_t num_pairs, uint32_t dim,
                            uint32_t count, float scale) {
    const uint32_t key = threadIdx.x % 32;
    if (key >= count) return;
    const float* keys = memory.tile + key * (dim + 4);
    const float* queries[kPairs];
    float4 sums[kPairs];
#pragma unroll
    for (uint32_t i = 0; i < kPairs; ++i) {
        queries[i] = memory.queries + min(pair + i, num_pairs - 1) * dim;
        sums[i] = make_float4(0, 0, 0, 0);
    }
    // More at once do not fit into 128 registers beside windows and caps.
#pragma unroll 2
    for (uint32_t d = 0; d < dim; d += 4) {
        const float4 k = *reinterpret_cast<const float4*>(keys + d);
#pragma unroll
        for (uint32_t i = 0; i < kPairs; ++i) {
            const float4 q = *reinterpret_cast<const float4*>(queries[i] + d);
            sums[i].x = fmaf(q.x, k.x, sums[i].x);
            sums[i].y = fmaf(q.y, k.y, sums[i].y);
            sums[i].z = fmaf(q.z, k.z, sums[i].z);
            sums[i].w = fmaf(q.w, k.w, sums[i].w);
        }
    }
#pragma unroll
    for (uint32_t i = 0; i < kPairs; ++i) {
        if (pair + i >= num_pairs) break;
        const float score = (sums[i].x + sums[i].y + (sums[i].z + sums[i].w)) * scale;
        memory.weights[(pair + i) * kTile + key] = score;
    }
}

// Scores of one pair to weights; the warp's lanes are the keys `key` .. key + count - 1.
__device__ inline void weigh_keys(const AttentionMemory& memory, uint32_t pair, const RowKeys& row, uint32_t key,
                                  uint32_t count, float soft_cap) {
    const uint32_t lane = threadIdx.x % 32;
    const bool seen = lane < count && row.sees(int32_t(key + lane));
    float score = seen ? memory.weights[pair * kTile + lane] : kLowest;
    if (soft_cap > 0 && seen) score = soft_cap * tanh_of(score / soft_cap);
    // Infinity less infinity: as a softmax over all keys at once has it.
    if (score == INFINITY) score = NAN;
    const float top = memory.softmax[pair].top;
    float up_to = fmaxf(score, top);
    for (uint32_t distance = 1; distance < 32; distance *= 2) {
        const float before = __shfl_up_sync(kAllLanes, up_to, distance);
        if (lane >= distance) up_to = fmaxf(up_to, before);
    }
    float before = __shfl_up_sync(kAllLanes, up_to, 1);
    if (lane == 0) before = top;
    const bool grown = seen && up_to > before;
    if (seen) memory.weights[pair * kTile + lane] = exp_of((grown ? before : score) - up_to);
    const unsigned all_seen = __ballot_sync(kAllLanes, seen), all_grown = __ballot_sync(kAllLanes, grown);
    __syncwarp();
    if (lane == 31) {
        memory.softmax[pair].top = up_to;
        memory.seen[pair] = all_seen;
        memory.grown[pair] = all_grown;
    }
}

// sums[d .. d + 3] of kPairs pairs from `pair` on += weights * values.
template <uint32_t kPairs>
__device__ void sum_values(const AttentionMemory& memory, uint32_t pair, uint32_t num_pairs, uint32_t d, uint32_t dim,
                           uint32_t count) {
    const float* weights[kPairs];
    float4 sums[kPairs];
    uint32_t seen[kPairs], grown[kPairs], special = 0;
#pragma unroll
    for (uint32_t i = 0; i < kPairs; ++i) {
        const uint32_t at = min(pair + i, num_pairs - 1);
        weights[i] = memory.weights + at * kTile;
        sums[i] = *reinterpret_cast<const float4*>(memory.sums + at * dim + d);
        seen[i] = memory.seen[at];
        grown[i] = memory.grown[at];
        special |= ~seen[i] | grown[i];
    }
    for (uint32_t key = 0; key < count; ++key) {
        const float4 v = *reinterpret_cast<const float4*>(memory.tile + key * (dim + 4) + d);
#pragma unroll
        for (uint32_t i = 0; i < kPairs; ++i) {
            // What nobody weighed is not read.
            if ((special >> key & 1) && !(seen[i] >> key & 1)) continue;
            const float weight = weights[i][key];
            float4& sum = sums[i];
            if ((special >> key & 1) && (grown[i] >> key & 1)) {
                sum = make_float4(fmaf(sum.x, weight, v.x), fmaf(sum.y, weight, v.y), fmaf(sum.z, weight, v.z),
                                  fmaf(sum.w, weight, v.w));
            } else {
                sum = make_float4(fmaf(v.x, weight, sum.x), fmaf(v.y, weight, sum.y), fmaf(v.z, weight, sum.z),
                                  fmaf(v.w, weight, sum.w));
            }
        }
    }
#pragma unroll
    for (uint32_t i = 0; i < kPairs; ++i)
        if (pair + i < num_pairs) *reinterpret_cast<float4*>(memory.sums + (pair + i) * dim + d) = sums[i];
}

// The mass of one pair += its weights.
__device__ inline void sum_weights(const AttentionMemory& memory, uint32_t pair) {
    float mass = memory.softmax[pair].mass;
    const uint32_t grown = memory.grown[pair];
    for (uint32_t left = memory.seen[pair]; left; left &= left - 1) {
        const uint32_t key = uint32_t(__ffs(int(left))) - 1;
        const float weight = memory.weights[pair * kTile + key];
        mass = grown >> key & 1 ? fmaf(mass, weight, 1.0f) : mass + weight;
    }
    memory.softmax[pair].mass = mass;
}

}  // namespace aerie::cuda
