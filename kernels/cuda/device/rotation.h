// The rotation of rope, alone and with kv_store.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

namespace aerie::cuda {

// Numbers i and i + half of a head, rotated; `angles` are the row's: cosines [half], then sines [half].
__device__ inline float2 rotated(float2 pair, const float* angles, uint32_t i, uint32_t half) {
    const float cosine = angles[i], sine = angles[half + i];
    return make_float2(pair.x * cosine - pair.y * sine, pair.y * cosine + pair.x * sine);
}

}  // namespace aerie::cuda
