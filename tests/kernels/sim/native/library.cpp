// Functions of C over kernels, for a program that opens them as a library.
#include <cuda_runtime.h>

#include "faults.h"
#include "streams.h"

#define API extern "C" __attribute__((visibility("default")))

// Writes 2 x + 1 to out; gives the runtime's error.
API int double_and_add(const int* x, int* out, int count) {
    int* values = nullptr;
    const size_t bytes = size_t(count) * sizeof(int);
    cudaMalloc(&values, bytes);
    cudaMemcpy(values, x, bytes, cudaMemcpyHostToDevice);
    launch_change(values, count, 2, 1, nullptr);
    cudaMemcpy(out, values, bytes, cudaMemcpyDeviceToHost);
    return cudaFree(values);
}

// Neighbours exchange values through shared memory, with a race if so asked.
API int run_neighbours(bool wrong) {
    int* out = nullptr;
    cudaMalloc(&out, 64 * sizeof(int));
    launch_neighbour(wrong, out);
    return cudaDeviceSynchronize();
}
