// What expert_linear needs of the backend.
#pragma once
#include <cstddef>

#include "core/op.h"

namespace aerie::cuda {

// Throws AERIE_UNSUPPORTED where an op has more experts than its kernels take.
void check_experts(const Op& op);
// Bytes of Launch.scratch of an op.
size_t expert_scratch_bytes(const Op& op);

}  // namespace aerie::cuda
