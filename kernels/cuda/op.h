// Ops of the CUDA backend: one function an op, which launches kernels and returns. kernels/cuda/device/ has them.
#pragma once
#include <cuda_runtime.h>

#include "core/op.h"

namespace aerie::cuda {

// A launch: the stream, and the most rows, segments and outputs that it is made for. Grids have room for these; kernels
// read the true counts from the batch's block in device memory and leave where there is nothing to do, so that one
// captured graph serves every batch of its bucket.
struct Launch {
    cudaStream_t stream = nullptr;
    uint32_t max_rows = 0, max_segments = 0, max_outputs = 0;
    uint32_t first_output = 0;  // of the slice at hand, see AERIE_OUTPUT_SLICE
    uint64_t number = 0;        // of the piece of work
    void* scratch = nullptr;    // device memory that ops of the stream use one after another
    size_t scratch_bytes = 0;
    bool waits_for_each = false;  // so that an op that fails is known by its name
};

// The block of a batch in device memory: counts, then its arrays one after another (core/batch.h). Its address stays
// the same, whichever of the host's blocks it was filled from.
const uint8_t* device_block(const Batch& batch);

#define AERIE_OP(name) void name(const Op& op, const Launch& launch);
AERIE_OPS(AERIE_OP)
#undef AERIE_OP

// Throws DeviceError (cuda/device_error.h) with the name of op or call if a call of the runtime failed.
void expect_success(cudaError_t error, const char* what);

}  // namespace aerie::cuda
