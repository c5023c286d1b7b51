// Launches ops one by one in the order of a stream.
#pragma once
#include <span>

#include "cuda/op.h"

namespace aerie::cuda {

// Throws AERIE_UNSUPPORTED if there is no kernel for an op's operands.
void check_op(const Op& op);
// Bytes of Launch.scratch that an op makes use of.
size_t scratch_bytes(const Op& op);
// Launches ops on their batches as last written; those of one slice number together, once per slice of the outputs.
// Stream, number and scratch of `launch` are used.
void run_ops(std::span<const Op> ops, Launch launch);

}  // namespace aerie::cuda
