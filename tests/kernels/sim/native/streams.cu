#include "streams.h"

#include "cuda/launch.h"

using aerie::cuda::launch;

__global__ void change(int* values, int count, int factor, int added) {
    const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < count) values[i] = values[i] * factor + added;
}

__global__ void sum(const int* values, const int* count, int* sums) {
    const int num_values = *count;
    int own = 0;
    for (int i = int(threadIdx.x); i < num_values; i += int(blockDim.x)) own += values[i];
    atomicAdd(&sums[0], own);
}

cudaError_t launch_change(int* values, int count, int factor, int added, cudaStream_t stream) {
    return launch(change, {unsigned(count + 63) / 64, 64}, stream, values, count, factor, added);
}
cudaError_t launch_sum(const int* values, const int* count, int* sums, cudaStream_t stream) {
    return launch(sum, {1, 96}, stream, values, count, sums);
}
void* change_kernel() { return reinterpret_cast<void*>(change); }
