// Copies between host and device that each piece of work needs. One before it, of what it reads: the block of its batch
// and, behind the block's arrays, the parameters of the sampler that draws from the batch's outputs; a copy more for
// every further batch or sampler. One behind it for each sampler, of what it drew.
#pragma once
#include <span>
#include <vector>

#include "core/op.h"
#include "cuda/memory.h"

namespace aerie::cuda {

class WorkCopies {
  public:
    WorkCopies(DeviceMemory& memory, cudaStream_t stream) : memory_(memory), stream_(stream) {}

    // Bytes behind the arrays of a batch's block that usually hold the parameters of its draws.
    static size_t appended_bytes(uint32_t max_outputs);
    // Begins the draws of piece of work `number`, and copies what was written since the last one and it reads.
    void before(std::span<const Op> ops, std::span<Batch* const> batches, uint64_t number);
    // Copies what ops drew.
    void behind(std::span<const Op> ops);

  private:
    void copy_block(Batch& batch, std::span<const Op> ops);

    DeviceMemory& memory_;
    cudaStream_t stream_;
    std::vector<uint8_t> block_;
};

}  // namespace aerie::cuda
