// Graphs of a program: its launches, captured from a stream for batches of at most certain sizes.
#pragma once
#include <vector>

#include "cuda/run_ops.h"

namespace aerie::cuda {

class Graphs {
  public:
    Graphs() = default;
    ~Graphs();
    Graphs(const Graphs&) = delete;

    // Captures ops for batches that `bucket` holds; nothing if there is a graph of this size. The memory in `launch`
    // and that of all operands must stay where it is as long as the graphs live.
    void capture(std::span<const Op> ops, const Launch& launch, const Bucket& bucket);
    // The smallest graph that holds every batch as last written; null if there is none.
    cudaGraphExec_t smallest(std::span<Batch* const> batches) const;

  private:
    struct Captured {
        Bucket bucket;
        cudaGraphExec_t executable;
    };
    std::vector<Captured> graphs_;  // the smallest first
};

}  // namespace aerie::cuda
