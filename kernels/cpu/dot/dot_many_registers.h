// int8 products where the accumulators of eight rows of x fit into registers: a weight is loaded once and meets all
// of them.
#pragma once
#include <bit>

#include "cpu/dot/packed_block.h"

namespace aerie::cpu::AERIE_ISA {

// Inputs 4v .. 4v + 3 of a tile in `low`, those 16 further in `high`.
template <int Format>
AERIE_INLINE void load_quants(const uint8_t* block, int tile, int v, Bytes& low, Bytes& high) {
    if constexpr (Format == kPackedQ4) {
        const Bytes both = load_bytes(block + tile * 256 + v * 64);
        low = low_nibbles(both);
        high = high_nibbles(both);
    } else {
        low = load_bytes(block + tile * 512 + v * 64);
        high = load_bytes(block + tile * 512 + v * 64 + 256);
    }
}

// Integer to float without a conversion: an integer below 2^22 added to the bit pattern of 1.5 * 2^23 is the float 1.5
// * 2^23 + integer. Where fma rounds once, the fma that applies the scale also subtracts the offset: one instruction
// instead of two. The bits are the same, since a scale that was an f16 times 1.5 * 2^23 is exact.
constexpr float kOrigin = 12582912.0f;
constexpr int32_t kCountFrom = kRoundsOnce ? std::bit_cast<int32_t>(kOrigin) : 0;
AERIE_INLINE Floats scaled_count(Ints count, Floats scale, Floats minus_origin) {
    return kRoundsOnce ? fma(as_float(count), scale, minus_origin) : mul(to_float(count), scale);
}

template <int Format, int R>
void dot_rows(const uint8_t* panel, uint32_t cols, const QuantizedRows& x, uint32_t first_row, float* out,
              Prefetch prefetch) {
    using L = Layout<Format>;
    const size_t rows = x.num_rows, stride = x.stride;
    const int8_t* quants = x.quants + size_t(first_row) * kBlock;
    const float *scale = x.scale + first_row, *sum = x.sum + first_row;
    const int32_t* bias = x.bias + first_row;
    Floats total[2][R];
    AERIE_UNROLL
    for (int r = 0; r < R; ++r) total[0][r] = total[1][r] = set1(0.0f);
    for (uint32_t block = 0; block < cols / kBlock; ++block) {
        prefetch.step();
        Ints acc[2][R];
        AERIE_UNROLL
        for (int r = 0; r < R; ++r)
            acc[0][r] = acc[1][r] = set1(kCountFrom + (!L::kMinimum && kBiasedBytes ? bias[r] : 0));
        AERIE_UNROLL
        for (int v = 0; v < 4; ++v) {
            Bytes low[2], high[2];
            for (int t = 0; t < 2; ++t) load_quants<Format>(panel, t, v, low[t], high[t]);
            AERIE_UNROLL
            for (int r = 0; r < R; ++r) {
                const int32_t a = word(quants + r * kBlock + v * 4), b = word(quants + r * kBlock + v * 4 + 16);
                for (int t = 0; t < 2; ++t) {
                    acc[t][r] = L::kMinimum ? dot_small(acc[t][r], low[t], a) : dot_offset(acc[t][r], low[t], a);
                    acc[t][r] = L::kMinimum ? dot_small(acc[t][r], high[t], b) : dot_offset(acc[t][r], high[t], b);
                }
            }
        }
        AERIE_UNROLL
        for (int t = 0; t < 2; ++t) {
            const uint16_t* scales = reinterpret_cast<const uint16_t*>(panel + L::kScalesAt) + t * kTileRows;
            const Floats d = load_f16(scales), minus_origin = mul(d, set1(-kOrigin));
            const Floats m = L::kMinimum ? load_f16(scales + kPanelRows) : d;
            AERIE_UNROLL
            for (int r = 0; r < R; ++r) {
                if (L::kMinimum) total[t][r] = fma(m, set1(sum[r]), total[t][r]);
                total[t][r] = fma(scaled_count(acc[t][r], d, minus_origin), set1(scale[r]), total[t][r]);
            }
        }
        panel += L::kBytes;
        quants += rows * kBlock;
        scale += stride;
        sum += stride;
        bias += stride;
    }
    AERIE_UNROLL
    for (int r = 0; r < R; ++r)
        for (int t = 0; t < 2; ++t) store(out + r * kPanelRows + t * kTileRows, total[t][r]);
}

}  // namespace aerie::cpu::AERIE_ISA
