// A compiled tape: its ops with the memory that they share, and graphs of them.
#pragma once
#include <deque>
#include <span>
#include <vector>

#include "core/arena_plan.h"
#include "core/backend.h"
#include "cuda/graph.h"

namespace aerie::cuda {

class CudaProgram final : public Program {
  public:
    explicit CudaProgram(const Tape& tape);

    // Where temporary tensors lie in an arena.
    const ArenaPlan& plan() const { return plan_; }
    // Gives ops their scratch memory and temporary tensors their places, at least plan().bytes. Both live as long as
    // the program, whose graphs have their addresses. To be called once, before any launch.
    void place(Buffer scratch, Buffer arena);

    std::span<const Op> ops() const { return ops_; }
    std::span<Batch* const> batches() const { return batches_; }
    const Buffer& scratch() const { return scratch_; }

    Graphs graphs;

  private:
    std::vector<Op> ops_;
    std::vector<Batch*> batches_;
    ArenaPlan plan_;
    Buffer scratch_, arena_;
    std::deque<Tensor> temporaries_;  // with their addresses
};

}  // namespace aerie::cuda
