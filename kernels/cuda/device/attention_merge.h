// Merges the partial results of rows whose chunks of keys were taken by several blocks.
#pragma once
#include "cuda/device/attention_shape.h"

namespace aerie::cuda {

// out [rows, heads, head_dim] of rows of more than one chunk; nothing if the batch has no room in the scratch memory.
cudaError_t merge_chunks(float* out, const float* partials, const uint8_t* block, const AttentionShape& shape,
                         size_t scratch_floats, uint32_t max_rows, cudaStream_t stream);

}  // namespace aerie::cuda
