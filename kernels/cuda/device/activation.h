// The activations of gated feed-forward layers, as silu_mul, gelu_mul and linear's epilogue have them.
#pragma once
#include "cuda/device/math.h"

namespace aerie::cuda {

// silu(gate) * up
__device__ inline float silu_times(float gate, float up) { return gate * up / (1.0f + exp_of(-gate)); }

// gelu(gate) * up by gelu's tanh approximation: x * (1 + tanh(u)) / 2 is x / (1 + exp(-2 u)).
__device__ inline float gelu_times(float gate, float up) {
    const float cubic = fmaf(gate * gate * gate, 0.044715f, gate);
    return gate * up / (1.0f + exp_of(cubic * -1.5957691216057308f));
}

}  // namespace aerie::cuda
