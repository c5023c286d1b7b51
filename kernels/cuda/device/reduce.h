// Sums over lanes and warps by fixed trees: the order of additions is a function of the place in the block alone.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

namespace aerie::cuda {

constexpr uint32_t kAllLanes = 0xffffffff;

// The sum of all lanes, in every lane. Called by all 32.
__device__ inline float warp_sum(float value) {
    for (int distance = 16; distance; distance /= 2) value += __shfl_xor_sync(kAllLanes, value, distance);
    return value;
}

// The sum of all kThreads of a block, in every thread: warps by their trees, then one after another. `warps`
// [kThreads / 32] in shared memory may be used again only behind a further barrier.
template <uint32_t kThreads>
__device__ inline float block_sum(float value, float* warps) {
    static_assert(kThreads % 32 == 0);
    const float sum = warp_sum(value);
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = sum;
    __syncthreads();
    float total = warps[0];
    for (uint32_t warp = 1; warp < kThreads / 32; ++warp) total += warps[warp];
    return total;
}

}  // namespace aerie::cuda
