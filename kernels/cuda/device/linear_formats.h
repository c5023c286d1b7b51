// How linear's kernel keeps x in shared memory and multiplies it by a unit of the weight, one type a kind of format.
#pragma once
#include "cuda/device/primitives.h"
#include "cuda/packed_layout.h"

namespace aerie::cuda {

template <UnitFormat kFormat>
AERIE_PRIMITIVE uint32_t half_pair(float low, float high) {
    if constexpr (kFormat == UnitFormat::f16) return to_f16(low) | uint32_t(to_f16(high)) << 16;
    return to_bf16(low) | uint32_t(to_bf16(high)) << 16;
}

template <UnitFormat kFormat>
AERIE_PRIMITIVE void multiply_halves(float (&acc)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    if constexpr (kFormat == UnitFormat::f16)
        mma_f16(acc, a, b);
    else
        mma_bf16(acc, a, b);
}

// x as fragments of 16 inputs and 8 rows: [inputs / 16, tile, lane] of four halves.
template <int kTiles>
AERIE_PRIMITIVE uint32_t fragment_at(uint32_t half, uint32_t tile, uint32_t lane) {
    return ((half * kTiles + tile) * 32 + lane) * 8;
}

template <UnitFormat kFormat, int kTiles>
AERIE_PRIMITIVE void store_fragment(uint8_t* inputs, float4 quad, uint32_t row, uint32_t k) {
    const uint32_t at = fragment_at<kTiles>(k / kHalfInputs, row / 8, row % 8 * 4 + k % kHalfInputs / 4);
    *reinterpret_cast<uint2*>(inputs + at) =
        make_uint2(half_pair<kFormat>(quad.x, quad.y), half_pair<kFormat>(quad.z, quad.w));
}

template <int kTiles>
AERIE_PRIMITIVE void load_fragment(uint32_t (&b)[2], const uint8_t* inputs, uint32_t half, uint32_t tile) {
    const uint2 pairs = *reinterpret_cast<const uint2*>(inputs + fragment_at<kTiles>(half, tile, threadIdx.x % 32));
    b[0] = pairs.x;
    b[1] = pairs.y;
}

// bf16 and f16: one product of mma for each 16 inputs.
template <UnitFormat kFormat>
struct HalfFormat {
    static constexpr UnitFormat kUnit = kFormat;
    static constexpr int kInputBytes = 2;
    static constexpr bool kNeedsSums = false;

    template <int kTiles>
    static AERIE_PRIMITIVE void store(uint8_t* inputs, float4 quad, uint32_t row, uint32_t k) {
        store_fragment<kFormat, kTiles>(inputs, quad, row, k);
    }

    template <int kTiles>
    static AERIE_PRIMITIVE void multiply(float (&acc)[kTiles][4], const uint8_t* unit, const uint8_t* inputs,
                                         const float*, uint32_t index, uint32_t tiles) {
        const uint4 quads = *reinterpret_cast<const uint4*>(unit + threadIdx.x % 32 * 16);
        const uint32_t weights[4] = {quads.x, quads.z, quads.y, quads.w};
#pragma unroll
        for (int tile = 0; tile < kTiles; ++tile) {
            if (tile >= int(tiles)) break;
            uint32_t b[2];
            load_fragment<kTiles>(b, inputs, index, tile);
            multiply_halves<kFormat>(acc[tile], weights, b);
        }
    }
};

// float32: one fused multiply-add after another.
struct FloatFormat {
    static constexpr UnitFormat kUnit = UnitFormat::f32;
    static constexpr int kInputBytes = 4;
    static constexpr bool kNeedsSums = false;

    // x as [inputs, rows]
    template <int kTiles>
    static AERIE_PRIMITIVE void store(uint8_t* inputs, float4 quad, uint32_t row, uint32_t k) {
        float* const to = reinterpret_cast<float*>(inputs) + k * (kTiles * 8) + row;
        to[0] = quad.x;
        to[kTiles * 8] = quad.y;
        to[kTiles * 16] = quad.z;
        to[kTiles * 24] = quad.w;
    }

    template <int kTiles>
    static AERIE_PRIMITIVE void multiply(float (&acc)[kTiles][4], const uint8_t* unit, const uint8_t* inputs,
                                         const float*, uint32_t index, uint32_t tiles) {
        const uint32_t lane = threadIdx.x % 32;
        const float* weights = reinterpret_cast<const float*>(unit) + lane / 4;
        const float* x = reinterpret_cast<const float*>(inputs) + index * kHalfInputs * (kTiles * 8) + lane % 4 * 2;
        for (uint32_t k = 0; k < kHalfInputs; ++k, weights += kUnitRows, x += kTiles * 8) {
            const float low = weights[0], high = weights[8];
#pragma unroll
            for (int tile = 0; tile < kTiles; ++tile) {
                if (tile >= int(tiles)) break;
                const float2 pair = *reinterpret_cast<const float2*>(x + tile * 8);
                acc[tile][0] = fmaf(low, pair.x, acc[tile][0]);
                acc[tile][1] = fmaf(low, pair.y, acc[tile][1]);
                acc[tile][2] = fmaf(high, pair.x, acc[tile][2]);
                acc[tile][3] = fmaf(high, pair.y, acc[tile][3]);
            }
        }
    }
};

}  // namespace aerie::cuda
