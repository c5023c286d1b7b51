// How linear's kernels keep x in shared memory and multiply it by units of the weight, one type a kind of format.
//
// multiply: acc [units, tiles] += products of the same inputs of kUnits units, `stride` bytes apart, and of the first
// `tiles` tiles of 8 rows of x. `index` counts units along the inputs.
#pragma once
#include "cuda/device/primitives.h"
#include "cuda/packed_layout.h"

namespace aerie::cuda {

// Inputs k .. k + 3 of a row, zeros from `end` on.
AERIE_PRIMITIVE float4 load_quad(const float* row, uint32_t k, uint32_t end, bool is_aligned) {
    if (is_aligned) return k < end ? *reinterpret_cast<const float4*>(row + k) : make_float4(0, 0, 0, 0);
    return make_float4(k < end ? row[k] : 0, k + 1 < end ? row[k + 1] : 0, k + 2 < end ? row[k + 2] : 0,
                       k + 3 < end ? row[k + 3] : 0);
}

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

    template <int kUnits, int kTiles>
    static AERIE_PRIMITIVE void multiply(float (&acc)[kUnits][kTiles][4], const uint8_t* unit, uint32_t stride,
                                         const uint8_t* inputs, const float*, uint32_t index, uint32_t tiles) {
        uint32_t weights[kUnits][4];
#pragma unroll
        for (int i = 0; i < kUnits; ++i) {
            const uint4 quads = *reinterpret_cast<const uint4*>(unit + i * stride + threadIdx.x % 32 * 16);
            weights[i][0] = quads.x, weights[i][1] = quads.z, weights[i][2] = quads.y, weights[i][3] = quads.w;
        }
#pragma unroll
        for (int tile = 0; tile < kTiles; ++tile) {
            if (tile >= int(tiles)) break;
            uint32_t b[2];
            load_fragment<kTiles>(b, inputs, index, tile);
#pragma unroll
            for (int i = 0; i < kUnits; ++i) multiply_halves<kFormat>(acc[i][tile], weights[i], b);
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

    template <int kUnits, int kTiles>
    static AERIE_PRIMITIVE void multiply(float (&acc)[kUnits][kTiles][4], const uint8_t* unit, uint32_t stride,
                                         const uint8_t* inputs, const float*, uint32_t index, uint32_t tiles) {
        const uint32_t lane = threadIdx.x % 32;
        const float* x = reinterpret_cast<const float*>(inputs) + index * kHalfInputs * (kTiles * 8) + lane % 4 * 2;
        for (uint32_t k = 0; k < kHalfInputs; ++k, x += kTiles * 8) {
            float weights[kUnits][2];
#pragma unroll
            for (int i = 0; i < kUnits * 2; ++i)
                weights[i / 2][i % 2] =
                    reinterpret_cast<const float*>(unit + i / 2 * stride)[k * kUnitRows + lane / 4 + i % 2 * 8];
#pragma unroll
            for (int tile = 0; tile < kTiles; ++tile) {
                if (tile >= int(tiles)) break;
                const float2 pair = *reinterpret_cast<const float2*>(x + tile * 8);
#pragma unroll
                for (int i = 0; i < kUnits; ++i) {
                    acc[i][tile][0] = fmaf(weights[i][0], pair.x, acc[i][tile][0]);
                    acc[i][tile][1] = fmaf(weights[i][0], pair.y, acc[i][tile][1]);
                    acc[i][tile][2] = fmaf(weights[i][1], pair.x, acc[i][tile][2]);
                    acc[i][tile][3] = fmaf(weights[i][1], pair.y, acc[i][tile][3]);
                }
            }
        }
    }
};

}  // namespace aerie::cuda
