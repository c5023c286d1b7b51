// Kernels of cases about the order of work, with what launches them.
#pragma once
#include <cuda_runtime.h>

// values[i] = values[i] * factor + added, for all i.
cudaError_t launch_change(int* values, int count, int factor, int added, cudaStream_t stream);
// sums[0] += the sum of values; the count is read from the device.
cudaError_t launch_sum(const int* values, const int* count, int* sums, cudaStream_t stream);
// The kernel of launch_change.
void* change_kernel();
