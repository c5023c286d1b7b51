#include "execution.h"

#include "cuda/device/primitives.h"
#include "cuda/launch.h"

using aerie::cuda::launch;

// Each thread writes its place in the grid, made of its indices, at that place.
__global__ void indices(int* out) {
    const int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    const int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    const int place = block * int(blockDim.x * blockDim.y * blockDim.z) + thread;
    out[place] = place;
}

__global__ void block_sum(const int* x, int* out, int count) {
    __shared__ int sums[32];
    int sum = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) sum += x[i];
    for (int lanes = 16; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(~0u, sum, lanes);
    if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x < 32) {
        sum = threadIdx.x < blockDim.x / 32 ? sums[threadIdx.x] : 0;
        for (int lanes = 16; lanes > 0; lanes /= 2) sum += __shfl_down_sync(~0u, sum, lanes);
        if (threadIdx.x == 0) out[blockIdx.x] = sum;
    }
}

template <int kTile>
__global__ void __launch_bounds__(kTile* kTile) transpose(const float* x, float* out, int n) {
    __shared__ float tile[kTile][kTile + 1];
    const int row = blockIdx.y * kTile + threadIdx.y, col = blockIdx.x * kTile + threadIdx.x;
    if (row < n && col < n) tile[threadIdx.y][threadIdx.x] = x[row * n + col];
    __syncthreads();
    const int to_row = blockIdx.x * kTile + threadIdx.y, to_col = blockIdx.y * kTile + threadIdx.x;
    if (to_row < n && to_col < n) out[to_row * n + to_col] = tile[threadIdx.x][threadIdx.y];
}

__global__ void reverse(const int* x, int* out) {
    int* values = aerie::cuda::dynamic_shared<int>();
    values[threadIdx.x] = x[threadIdx.x];
    const int num_odd = __syncthreads_count(x[threadIdx.x] % 2);
    out[threadIdx.x] = values[blockDim.x - 1 - threadIdx.x] + 1000 * num_odd;
}

// Lanes of a warp exchange values in every way; lanes 8..23 only among themselves.
__global__ void warp(int* out) {
    const int lane = threadIdx.x;
    int* row = out + lane * 8;
    row[0] = __shfl_sync(~0u, lane * 10, 5);
    row[1] = __shfl_up_sync(~0u, lane, 3);
    row[2] = __shfl_down_sync(~0u, lane, 3, 8);
    row[3] = __shfl_xor_sync(~0u, lane, 4);
    row[4] = lane >= 8 && lane < 24 ? __shfl_xor_sync(0x00ffff00u, lane, 1) : -1;
    row[5] = __reduce_add_sync(~0u, lane);
    row[6] = __reduce_max_sync(~0u, -lane);
    row[7] = int(__shfl_sync(~0u, 1.5f * float(lane), lane / 2) * 2);
}

__global__ void votes(unsigned* out) {
    const int lane = threadIdx.x;
    const unsigned odd = __ballot_sync(~0u, lane % 2);
    const unsigned same = __match_any_sync(~0u, lane / 8);
    const int any = __any_sync(~0u, lane == 7), all = __all_sync(~0u, lane < 31);
    unsigned* row = out + lane * 4;
    row[0] = odd;
    row[1] = same;
    row[2] = unsigned(any * 2 + all);
    row[3] = unsigned(__popc(odd) + __ffs(int(same)) * 100 + __clz(1 << lane) * 10000);
}

__global__ void atomics(unsigned* counts, int* extremes) {
    const int place = blockIdx.x * blockDim.x + threadIdx.x;
    atomicAdd(&counts[place % 4], 1u);
    atomicMax(&extremes[0], place);
    atomicMin(&extremes[1], -place);
    atomicCAS(&extremes[2], 0, 77);
    atomicExch(&extremes[3], 5);
}

// In which order threads run that nothing orders.
__global__ void order(int* next, int* order) { order[atomicAdd(next, 1)] = int(blockIdx.x * blockDim.x + threadIdx.x); }

cudaError_t launch_indices(dim3 grid, dim3 block, int* out, cudaStream_t stream) {
    return launch(indices, {grid, block}, stream, out);
}
cudaError_t launch_block_sum(int blocks, int threads, const int* x, int* out, int count, cudaStream_t stream) {
    return launch(block_sum, {unsigned(blocks), unsigned(threads)}, stream, x, out, count);
}
cudaError_t launch_transpose(const float* x, float* out, int n, cudaStream_t stream) {
    const unsigned tiles = unsigned(n + 7) / 8;
    return launch(transpose<8>, {dim3(tiles, tiles), dim3(8, 8)}, stream, x, out, n);
}
cudaError_t launch_reverse(const int* x, int* out, int count, cudaStream_t stream) {
    return launch(reverse, {1, unsigned(count), count * sizeof(int)}, stream, x, out);
}
cudaError_t launch_warp(int* out, cudaStream_t stream) { return launch(warp, {1, 32}, stream, out); }
cudaError_t launch_votes(unsigned* out, cudaStream_t stream) { return launch(votes, {1, 32}, stream, out); }
cudaError_t launch_atomics(int blocks, unsigned* counts, int* extremes, cudaStream_t stream) {
    return launch(atomics, {unsigned(blocks), 96}, stream, counts, extremes);
}
cudaError_t launch_order(int* next, int* out, cudaStream_t stream) { return launch(order, {4, 64}, stream, next, out); }
