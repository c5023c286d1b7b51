// Launches ops one by one in the order of a stream.
#pragma once
#include <compare>
#include <span>

#include "cuda/op.h"

namespace aerie::cuda {

// The most rows, outputs and segments of the batches of a launch.
struct Bucket {
    uint32_t num_rows = 0, num_outputs = 0, num_segments = 0;

    auto operator<=>(const Bucket&) const = default;
    bool holds(const BatchCounts& counts) const {
        return counts.num_rows <= num_rows && counts.num_outputs <= num_outputs && counts.num_segments <= num_segments;
    }
};

// Throws AERIE_UNSUPPORTED if there is no kernel for an op's operands.
void check_op(const Op& op);
// Bytes of Launch.scratch that an op makes use of.
size_t scratch_bytes(const Op& op);
// Launches ops; those of one slice number together, once per slice of the outputs. With a bucket they are made for
// every batch that it holds, without one for their batches as last written. Stream, number and scratch of `launch` are
// used.
void run_ops(std::span<const Op> ops, Launch launch, const Bucket* bucket = nullptr);

}  // namespace aerie::cuda
