// Products with quantised units: quants as exact bf16 integers in mma, scales and minima in fp32 for each 32 inputs.
#pragma once
#include "cuda/device/expert_linear.h"
#include "cuda/device/linear_launch.h"

namespace aerie::cuda {

template <UnitFormat kFormat>
struct QuantizedFormat {
    static constexpr UnitFormat kUnit = kFormat;
    static constexpr QuantizedLayout kLayout = quantized_layout(kFormat);
    static constexpr int kInputBytes = 2;
    static constexpr bool kNeedsSums = kLayout.has_minimum;

    template <int kTiles>
    static AERIE_PRIMITIVE void store(uint8_t* inputs, float4 quad, uint32_t row, uint32_t k) {
        store_fragment<UnitFormat::bf16, kTiles>(inputs, quad, row, k);
    }

    // The sum of 32 inputs as bf16, of which eight neighbouring lanes have four each: (a + b) + (c + d), then over
    // lanes 1, 2 and 4 apart.
    static AERIE_PRIMITIVE float sum_of_block(float4 quad) {
        const auto rounded = [](float value) { return from_bf16(to_bf16(value)); };
        float sum = (rounded(quad.x) + rounded(quad.y)) + (rounded(quad.z) + rounded(quad.w));
#pragma unroll
        for (int lanes = 1; lanes < 8; lanes *= 2) sum += __shfl_xor_sync(~0u, sum, lanes);
        return sum;
    }

    // Two quants less the zero point as bf16, which holds them exactly: 2^23 + quant is a float whose last bits are the
    // quant, and a difference of integers this small has only zeros in its lower half.
    static AERIE_PRIMITIVE uint32_t pair(uint32_t low, uint32_t high) {
        constexpr float kZero = 8388608.0f + float(kLayout.zero_point);
        const float first = __uint_as_float(0x4b000000u | low) - kZero;
        const float second = __uint_as_float(0x4b000000u | high) - kZero;
        return __float_as_uint(first) >> 16 | (__float_as_uint(second) & 0xffff0000u);
    }

    // This lane's operands of both halves of a unit: a[half], in the order of mma.
    static AERIE_PRIMITIVE void unpack(uint32_t (&a)[2][4], const uint8_t* unit) {
        const uint32_t lane = threadIdx.x % 32;
        uint32_t low[4] = {}, high = 0;  // low of q8: 4 quants each; else [row g and g + 8] of 8 quants
        if constexpr (kLayout.bits == 8) {
            const uint4 words = *reinterpret_cast<const uint4*>(unit + lane * 16);
            low[0] = words.x, low[1] = words.y, low[2] = words.z, low[3] = words.w;
        } else {
            const uint2 words = *reinterpret_cast<const uint2*>(unit + lane * 8);
            low[0] = words.x, low[1] = words.y;
        }
        if constexpr (kLayout.bits == 5) high = *reinterpret_cast<const uint16_t*>(unit + kLayout.high_at() + lane * 2);
        if constexpr (kLayout.bits == 6) high = *reinterpret_cast<const uint32_t*>(unit + kLayout.high_at() + lane * 4);
        const auto quant = [&](uint32_t of_row, uint32_t half, uint32_t i) {
            if constexpr (kLayout.bits == 8) return low[of_row * 2 + half] >> i * 8 & 255;
            const uint32_t place = half * 4 + i, nibble = low[of_row] >> place * 4 & 15;
            if constexpr (kLayout.bits == 4) return nibble;
            constexpr uint32_t kExtra = kLayout.bits - 4;
            return nibble | (high >> (of_row * 8 + place) * kExtra & ((1u << kExtra) - 1)) << 4;
        };
#pragma unroll
        for (int half = 0; half < 2; ++half) {
#pragma unroll
            for (int i = 0; i < 4; ++i)
                a[half][i] = pair(quant(i % 2, half, i / 2 * 2), quant(i % 2, half, i / 2 * 2 + 1));
        }
    }

    template <int kUnits, int kTiles>
    static AERIE_PRIMITIVE void multiply(float (&acc)[kUnits][kTiles][4], const uint8_t* unit, uint32_t stride,
                                         const uint8_t* inputs, const float* sums, uint32_t index, uint32_t tiles) {
        const uint32_t lane = threadIdx.x % 32;
        // Of rows g and g + 8; the minimum after the scales.
        constexpr int kFactors = int(kLayout.num_scales) + (kLayout.has_minimum ? 1 : 0);
        uint32_t a[kUnits][2][4];
        float factors[kUnits][kFactors][2];
#pragma unroll
        for (int u = 0; u < kUnits; ++u) {
            unpack(a[u], unit + u * stride);
            const auto* const halves =
                reinterpret_cast<const uint16_t*>(unit + u * stride + kLayout.scales_at()) + lane / 4;
#pragma unroll
            for (int i = 0; i < kFactors * 2; ++i)
                factors[u][i / 2][i % 2] = from_f16(halves[i / 2 * int(kUnitRows) + i % 2 * 8]);
        }
#pragma unroll
        for (int tile = 0; tile < kTiles; ++tile) {
            if (tile >= int(tiles)) break;
            float part[kUnits][4] = {};
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                uint32_t b[2];
                load_fragment<kTiles>(b, inputs, index * 2 + half, tile);
#pragma unroll
                for (int u = 0; u < kUnits; ++u) {
                    mma_bf16(part[u], a[u][half], b);
                    if (kLayout.num_scales == 1 && half == 0) continue;
#pragma unroll
                    for (int i = 0; i < 4; ++i) {
                        const float scale = factors[u][kLayout.num_scales == 2 ? half : 0][i / 2];
                        acc[u][tile][i] = fmaf(scale, part[u][i], acc[u][tile][i]);
                        part[u][i] = 0;
                    }
                }
            }
            if constexpr (kLayout.has_minimum) {
                const float* const of_rows = sums + index * (kTiles * 8) + tile * 8 + lane % 4 * 2;
#pragma unroll
                for (int i = 0; i < kUnits * 4; ++i) {
                    float& to = acc[i / 4][tile][i % 4];
                    to = fmaf(factors[i / 4][kFactors - 1][i % 4 / 2], of_rows[i % 2], to);
                }
            }
        }
    }
};

// Instantiated in linear_q*.cu.
#define AERIE_QUANTIZED_LINEAR(prefix, format)                                                                        \
    prefix template void launch_linear<QuantizedFormat<UnitFormat::format>, 1>(const LinearArguments&, cudaStream_t); \
    prefix template void launch_linear<QuantizedFormat<UnitFormat::format>, int(kMostSlices)>(const LinearArguments&, \
                                                                                              cudaStream_t);          \
    prefix template void launch_experts<QuantizedFormat<UnitFormat::format>>(const ExpertArguments&, uint32_t,        \
                                                                             cudaStream_t);
AERIE_QUANTIZED_LINEAR(extern, q4)
AERIE_QUANTIZED_LINEAR(extern, q4_min)
AERIE_QUANTIZED_LINEAR(extern, q5)
AERIE_QUANTIZED_LINEAR(extern, q5_min)
AERIE_QUANTIZED_LINEAR(extern, q6)
AERIE_QUANTIZED_LINEAR(extern, q8)

}  // namespace aerie::cuda
