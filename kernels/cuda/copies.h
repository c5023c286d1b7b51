// Copies between the rows of a tensor and between the slots of a pool, in device memory.
#pragma once
#include <cuda_runtime.h>

#include "core/objects.h"

namespace aerie::cuda {

// Copies row from[i] over row to[i], one after another. `from` and `to` [num_rows] lie in device memory.
void copy_rows(const Tensor& tensor, const int32_t* from, const int32_t* to, uint32_t num_rows, cudaStream_t stream);
// Copies keys and values of all layers from slot from[i] to slot to[i], one after another.
void copy_slots(const KvPool& kv, const int32_t* from, const int32_t* to, uint32_t num_slots, cudaStream_t stream);

}  // namespace aerie::cuda
