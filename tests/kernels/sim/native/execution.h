// Kernels that show how threads run, with what launches them.
#pragma once
#include <cuda_runtime.h>

cudaError_t launch_indices(dim3 grid, dim3 block, int* out, cudaStream_t stream);
cudaError_t launch_block_sum(int blocks, int threads, const int* x, int* out, int count, cudaStream_t stream);
cudaError_t launch_transpose(const float* x, float* out, int n, cudaStream_t stream);
cudaError_t launch_reverse(const int* x, int* out, int count, cudaStream_t stream);
cudaError_t launch_warp(int* out, cudaStream_t stream);
cudaError_t launch_votes(unsigned* out, cudaStream_t stream);
cudaError_t launch_atomics(int blocks, unsigned* counts, int* extremes, cudaStream_t stream);
cudaError_t launch_order(int* next, int* order, cudaStream_t stream);
