// Sorts the rows of a forward by expert, in one block: counts, begins, places. In which order the entries of an expert
// stand is left to atomics: products of one know nothing of the others, and each is written to a place of its own.
#include "cuda/device/experts.h"

#include "cuda/device/reduce.h"
#include "cuda/launch.h"

namespace aerie::cuda {
namespace {

constexpr uint32_t kThreads = 1024;

// The sum of `value` over the lanes up to the calling one.
__device__ inline uint32_t sum_up_to_lane(uint32_t value) {
    for (uint32_t distance = 1; distance < 32; distance *= 2) {
        const uint32_t before = __shfl_up_sync(kAllLanes, value, distance);
        if (threadIdx.x % 32 >= distance) value += before;
    }
    return value;
}

__global__ void __launch_bounds__(kThreads) sort_by_expert(ExpertWork work, const float* routing, OpRows rows,
                                                           uint32_t top_k, uint32_t num_experts, uint32_t tile_rows) {
    __shared__ uint32_t counts[kMostExperts], begins[kMostExperts], cursors[kMostExperts], first_tiles[kMostExperts];
    const uint32_t num_entries = rows.count() * top_k;
    const auto expert_of = [&](uint32_t entry) {
        const float number = routing[size_t(entry / top_k) * 2 * top_k + entry % top_k];
        return number >= 0.0f && number < float(num_experts) ? uint32_t(number) : num_experts;
    };
    for (uint32_t i = threadIdx.x; i < num_experts; i += kThreads) counts[i] = 0;
    __syncthreads();
    for (uint32_t entry = threadIdx.x; entry < num_entries; entry += kThreads)
        if (const uint32_t expert = expert_of(entry); expert < num_experts) atomicAdd(&counts[expert], 1u);
    __syncthreads();
    if (threadIdx.x < 32) {
        uint32_t entries = 0, tiles = 0;
        for (uint32_t first = 0; first < num_experts; first += 32) {
            const uint32_t expert = first + threadIdx.x, count = expert < num_experts ? counts[expert] : 0;
            const uint32_t of_expert = (count + tile_rows - 1) / tile_rows;
            const uint32_t entries_to = entries + sum_up_to_lane(count), tiles_to = tiles + sum_up_to_lane(of_expert);
            if (expert < num_experts) {
                begins[expert] = cursors[expert] = entries_to - count;
                first_tiles[expert] = tiles_to - of_expert;
            }
            entries = __shfl_sync(kAllLanes, entries_to, 31);
            tiles = __shfl_sync(kAllLanes, tiles_to, 31);
        }
        if (threadIdx.x == 0) *work.num_tiles = tiles;
    }
    __syncthreads();
    for (uint32_t entry = threadIdx.x; entry < num_entries; entry += kThreads)
        if (const uint32_t expert = expert_of(entry); expert < num_experts)
            work.entries[atomicAdd(&cursors[expert], 1u)] = entry;
    for (uint32_t expert = threadIdx.x / 32; expert < num_experts; expert += kThreads / 32)
        for (uint32_t at = threadIdx.x % 32 * tile_rows; at < counts[expert]; at += 32 * tile_rows)
            work.tiles[first_tiles[expert] + at / tile_rows] = {expert, begins[expert] + at,
                                                                min(tile_rows, counts[expert] - at)};
}

}  // namespace

cudaError_t sort_entries(const ExpertWork& work, const float* routing, const OpRows& rows, uint32_t top_k,
                         uint32_t num_experts, uint32_t tile_rows, cudaStream_t stream) {
    return launch(sort_by_expert, {1, kThreads}, stream, work, routing, rows, top_k, num_experts, tile_rows);
}

}  // namespace aerie::cuda
