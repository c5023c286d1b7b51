// Operator fusion: merges neighbouring ops, so that fewer kernels are launched and less memory is read and written.
#pragma once
#include <vector>

#include "core/op.h"

namespace aerie::cuda {

// The ops with those merged between which no other op needs anything:
//   linear + add_bias   the bias is added to the product and the residual
//   linear + silu_mul   a block has a gate and what it is multiplied by
//   rope + kv_store     keys are stored as they are rotated
// Results stay the same to the bit.
std::vector<Op> fuse(std::vector<Op> ops);

}  // namespace aerie::cuda
