// Kernels with tensor cores, with what launches them.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

// d = a * b + c for tiles of 16 x 16, 16 x 8 and 16 x 8 numbers by rows, one warp a tile; through shared memory and
// ldmatrix if so asked, else straight into fragments.
cudaError_t launch_tiles(bool is_f16, bool through_shared, int count, const uint16_t* a, const uint16_t* b,
                         const float* c, float* d, cudaStream_t stream);
// out[i] = bits of x[i] as bf16 and, in the upper half, as f16; back[i] = the sum of what they are as fp32.
cudaError_t launch_convert(const float* x, unsigned* out, float* back, int count, cudaStream_t stream);
// out [rows][n] = x [rows][k] * w [n][k] for n and k that are multiples of 64 and 32, all of bf16, through a ring of
// cp.async; the sum of each output is made in one order whatever the number of rows (1..8).
cudaError_t launch_product(const uint16_t* w, const uint16_t* x, float* out, int n, int k, int rows,
                           cudaStream_t stream);
