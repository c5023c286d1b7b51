#include "faults.h"

#include "cuda/device/primitives.h"
#include "cuda/launch.h"

using namespace aerie::cuda;

constexpr unsigned kThreads = 64;

__global__ void early_exit(bool wrong, int* out) {
    if (wrong && threadIdx.x >= 32) return;
    __syncthreads();
    out[threadIdx.x] = 1;
}

__global__ void two_barriers(bool wrong, int* out) {
    if (wrong && threadIdx.x >= 32) {
        __syncthreads();
    } else {
        __syncthreads();
    }
    if (!wrong) out[threadIdx.x] = 1;
}

// Half of the threads wait in a warp operation for lanes that wait at a barrier.
__global__ void barrier_in_branch(bool wrong, int* out) {
    if (wrong && threadIdx.x % 2 == 0) {
        __syncthreads();
        __syncwarp();
    } else {
        __syncwarp();
        __syncthreads();
    }
    out[threadIdx.x] = 1;
}

__global__ void half_shuffle(bool wrong, int* out) {
    int value = int(threadIdx.x);
    if (!wrong || threadIdx.x % 32 < 16) value += __shfl_xor_sync(~0u, value, 8);
    out[threadIdx.x] = value;
}

__global__ void outside_mask(bool wrong, int* out) { out[threadIdx.x] = int(__ballot_sync(wrong ? 0xffffu : ~0u, 1)); }

__global__ void source_outside_mask(bool wrong, int* out) {
    if (threadIdx.x % 32 < 16) out[threadIdx.x] = __shfl_sync(0xffffu, int(threadIdx.x), wrong ? 20 : 10);
}

__global__ void active_mask(int* out) { out[threadIdx.x] = int(__activemask()); }

// Reads what the neighbour wrote: read after write.
__global__ void neighbour(bool wrong, int* out) {
    __shared__ int values[kThreads];
    values[threadIdx.x] = 0;
    __syncthreads();
    values[threadIdx.x] = int(threadIdx.x);
    if (!wrong) __syncthreads();
    out[threadIdx.x] = values[(threadIdx.x + 1) % kThreads];
}

// Writes in the next round what others still read: write after read.
__global__ void overwrite(bool wrong, int* out) {
    __shared__ int values[kThreads];
    int sum = 0;
    for (int round = 0; round < 3; ++round) {
        values[threadIdx.x] = round + int(threadIdx.x);
        __syncthreads();
        sum += values[kThreads - 1 - threadIdx.x];
        if (!wrong) __syncthreads();
    }
    out[threadIdx.x] = sum;
}

// A reduction within a warp that takes its lanes to run in step.
__global__ void lockstep(bool wrong, int* out) {
    __shared__ int sums[kThreads];
    const unsigned lane = threadIdx.x % 32, first = threadIdx.x - lane;
    sums[threadIdx.x] = int(threadIdx.x);
    __syncthreads();
    for (unsigned lanes = 16; lanes > 0; lanes /= 2) {
        if (!wrong) __syncwarp();
        const int other = lane < lanes ? sums[first + lane + lanes] : 0;
        if (!wrong) __syncwarp();
        if (lane < lanes) sums[threadIdx.x] += other;
    }
    if (!wrong) __syncwarp();
    out[threadIdx.x] = sums[first];
}

__global__ void blocks_share(bool wrong, int* out) {
    if (threadIdx.x == 0) out[wrong ? 0 : blockIdx.x] = int(blockIdx.x);
}

// Neighbours that write to halves of one word are no race; those that write to the same half are.
__global__ void half_words(bool wrong, unsigned short* out) { out[wrong ? threadIdx.x / 2 : threadIdx.x] = 7; }

__global__ void atomic_and_plain(bool wrong, int* out) {
    if (wrong && threadIdx.x == 5) {
        out[0] = 3;
    } else {
        atomicAdd(&out[0], 1);
    }
}

__global__ void unwritten_shared(bool wrong, int* out) {
    __shared__ int values[kThreads];
    if (!wrong || threadIdx.x > 0) values[threadIdx.x] = 1;
    __syncthreads();
    out[threadIdx.x] = values[kThreads - 1 - threadIdx.x];
}

__global__ void copy(const int* x, int* out, int count) {
    const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < count) out[i] = x[i];
}

__global__ void shared_index(int index, int* out) {
    __shared__ int values[kThreads];
    values[threadIdx.x] = 1;
    __syncthreads();
    out[threadIdx.x] = values[index + int(threadIdx.x)];
}

__global__ void dynamic_index(int index, int* out) {
    int* values = dynamic_shared<int>();
    values[threadIdx.x] = 1;
    __syncthreads();
    out[threadIdx.x] = values[index + int(threadIdx.x)];
}

__constant__ int table[4] = {1, 2, 3, 4};
__global__ void look_up(int index, int* out) { out[threadIdx.x] = table[index]; }

__global__ void vector_read(const unsigned char* x, int* out) {
    const uint4 value = *reinterpret_cast<const uint4*>(x);
    out[threadIdx.x] = int(value.x + value.w);
}

__global__ void vector_write(unsigned char* out) {
    if (threadIdx.x == 0) *reinterpret_cast<uint4*>(out) = make_uint4(1, 2, 3, 4);
}

// Two copies under way; the first is used after a wait that lets one or both of them be.
__global__ void late_copy(bool wrong, const int* x, int* out) {
    __shared__ __align__(16) int values[2][4 * kThreads];
    for (int i = 0; i < 2; ++i) {
        copy_async(&values[i][4 * threadIdx.x], x + 4 * threadIdx.x);
        commit_copies();
    }
    if (wrong) {
        wait_copies<2>();
    } else {
        wait_copies<1>();
    }
    out[threadIdx.x] = values[0][4 * threadIdx.x + 1];
    wait_copies<0>();
}

__global__ void no_wait(bool wrong, const int* x, int* out) {
    __shared__ __align__(16) int values[4 * kThreads];
    copy_async(&values[4 * threadIdx.x], x + 4 * threadIdx.x, 8);
    commit_copies();
    if (!wrong) wait_copies<0>();
    if (!wrong) out[threadIdx.x] = values[4 * threadIdx.x + 1] + values[4 * threadIdx.x + 3];
}

__device__ __attribute__((noinline)) int descend(int depth) {
    volatile int frame[256];
    frame[depth % 256] = depth;
    return depth == 0 ? 0 : descend(depth - 1) + frame[depth % 256];
}
__global__ void deep(bool wrong, int* out) { out[threadIdx.x] = descend(wrong ? 1000 : 10); }

#define LAUNCH(kernel, blocks, shared, ...) launch(kernel, {blocks, kThreads, shared}, nullptr, __VA_ARGS__)
cudaError_t launch_early_exit(bool wrong, int* out) { return LAUNCH(early_exit, 1, 0, wrong, out); }
cudaError_t launch_two_barriers(bool wrong, int* out) { return LAUNCH(two_barriers, 1, 0, wrong, out); }
cudaError_t launch_barrier_in_branch(bool wrong, int* out) { return LAUNCH(barrier_in_branch, 1, 0, wrong, out); }
cudaError_t launch_half_shuffle(bool wrong, int* out) { return LAUNCH(half_shuffle, 1, 0, wrong, out); }
cudaError_t launch_outside_mask(bool wrong, int* out) { return LAUNCH(outside_mask, 1, 0, wrong, out); }
cudaError_t launch_source_outside_mask(bool wrong, int* out) { return LAUNCH(source_outside_mask, 1, 0, wrong, out); }
cudaError_t launch_active_mask(int* out) { return LAUNCH(active_mask, 1, 0, out); }
cudaError_t launch_neighbour(bool wrong, int* out) { return LAUNCH(neighbour, 1, 0, wrong, out); }
cudaError_t launch_overwrite(bool wrong, int* out) { return LAUNCH(overwrite, 1, 0, wrong, out); }
cudaError_t launch_lockstep(bool wrong, int* out) { return LAUNCH(lockstep, 1, 0, wrong, out); }
cudaError_t launch_blocks_share(bool wrong, int* out) { return LAUNCH(blocks_share, 4, 0, wrong, out); }
cudaError_t launch_half_words(bool wrong, unsigned short* out) { return LAUNCH(half_words, 1, 0, wrong, out); }
cudaError_t launch_atomic_and_plain(bool wrong, int* out) { return LAUNCH(atomic_and_plain, 1, 0, wrong, out); }
cudaError_t launch_unwritten_shared(bool wrong, int* out) { return LAUNCH(unwritten_shared, 1, 0, wrong, out); }
cudaError_t launch_copy(const int* x, int* out, int count, cudaStream_t stream) {
    return launch(copy, {unsigned(count + kThreads - 1) / kThreads, kThreads}, stream, x, out, count);
}
cudaError_t launch_shared_index(int index, int* out) { return LAUNCH(shared_index, 1, 0, index, out); }
cudaError_t launch_dynamic_index(int index, int* out) {
    return LAUNCH(dynamic_index, 1, kThreads * sizeof(int), index, out);
}
cudaError_t launch_table(int index, int* out) { return LAUNCH(look_up, 1, 0, index, out); }
cudaError_t launch_vector_read(const unsigned char* x, int* out) { return LAUNCH(vector_read, 1, 0, x, out); }
cudaError_t launch_vector_write(unsigned char* out) { return LAUNCH(vector_write, 1, 0, out); }
cudaError_t launch_late_copy(bool wrong, const int* x, int* out) { return LAUNCH(late_copy, 1, 0, wrong, x, out); }
cudaError_t launch_no_wait(bool wrong, const int* x, int* out) { return LAUNCH(no_wait, 1, 0, wrong, x, out); }
cudaError_t launch_deep(bool wrong, int* out) { return LAUNCH(deep, 1, 0, wrong, out); }
