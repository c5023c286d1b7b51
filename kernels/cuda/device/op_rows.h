// The rows of a launch's tensors: how many there may be, for grids, and how many there are, for kernels.
#pragma once
#include <cuda_runtime.h>

#include <algorithm>

#include "core/batch_layout.h"
#include "cuda/op.h"

namespace aerie::cuda {

// The rows of a tensor that an op works on, as a kernel finds out.
struct OpRows {
    const uint8_t* block = nullptr;  // of the batch; null: always `most`
    uint32_t most = 0;               // that the grid has room for
    bool is_outputs = false;
    uint32_t first_output = 0;

    __device__ uint32_t count() const {
        if (!block) return most;
        const BatchCounts& counts = *reinterpret_cast<const BatchCounts*>(block);
        if (!is_outputs) return counts.num_rows < most ? counts.num_rows : most;
        const uint32_t left = counts.num_outputs > first_output ? counts.num_outputs - first_output : 0;
        return left < most ? left : most;
    }
};

// `tensor` is the one whose rows the op follows.
inline OpRows rows_of(const Op& op, const Tensor& tensor, const Launch& launch) {
    if (!tensor.batch) return {nullptr, tensor.capacity, false, 0};
    const uint8_t* block = device_block(*tensor.batch);
    if (tensor.scope == AERIE_ROWS) return {block, launch.max_rows, false, 0};
    const uint32_t most = op.slice ? std::min(launch.max_outputs, kSliceOutputs) : launch.max_outputs;
    return {block, most, true, launch.first_output};
}

// The elements of a float32 tensor from the row of the launch's first output on.
inline float* floats(const Tensor& tensor, const Launch& launch) {
    const size_t first_row = tensor.batch && tensor.scope == AERIE_OUTPUTS ? launch.first_output : 0;
    return static_cast<float*>(tensor.buffer.address) + first_row * tensor.cols;
}

// Threads of a block where each has one element of a row, and a grid with a row of blocks for each row.
constexpr uint32_t kColumnThreads = 256;
inline dim3 row_grid(uint32_t rows, uint32_t cols) { return dim3(rows, (cols + kColumnThreads - 1) / kColumnThreads); }
// The column of the calling thread.
__device__ inline uint32_t column_of_thread() { return blockIdx.y * kColumnThreads + threadIdx.x; }

}  // namespace aerie::cuda
