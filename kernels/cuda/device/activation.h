// The activation of gated feed-forward layers, as silu_mul and linear's epilogue have it.
#pragma once
#include "cuda/device/math.h"

namespace aerie::cuda {

// silu(gate) * up
__device__ inline float silu_times(float gate, float up) { return gate * up / (1.0f + exp_of(-gate)); }

}  // namespace aerie::cuda
