// int8 products where the accumulators of eight rows of x fit into registers: a weight is loaded once and meets all
// of them. Included by dot.h alone.
#pragma once
#include <bit>

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

// An integer below 2^22 that is counted from the bits of 1.5 * 2^23 on is a float as it is, by so much too large. Where
// fma rounds once, it takes that off as it scales: one instruction instead of two. The bits are the same, since a scale
// that was an f16 times 1.5 * 2^23 is exact.
constexpr float kOrigin = 12582912.0f;
constexpr int32_t kCountFrom = kRoundsOnce ? std::bit_cast<int32_t>(kOrigin) : 0;
AERIE_INLINE Floats scaled_count(Ints count, Floats scale, Floats minus_origin) {
    return kRoundsOnce ? fma(as_float(count), scale, minus_origin) : mul(to_float(count), scale);
}

template <int Format, int C>
void dot_columns(const uint8_t* unit, uint32_t cols, const Activations& x, uint32_t column, float* tile,
                 Prefetch prefetch) {
    using L = Layout<Format>;
    const size_t rows = x.num_rows, stride = x.stride;
    const int8_t* quants = x.quants + size_t(column) * kBlock;
    const float *scale = x.scale + column, *sum = x.sum + column;
    const int32_t* bias = x.bias + column;
    Floats total[2][C];
    AERIE_UNROLL
    for (int c = 0; c < C; ++c) total[0][c] = total[1][c] = set1(0.0f);
    for (uint32_t block = 0; block < cols / kBlock; ++block) {
        prefetch.step();
        Ints acc[2][C];
        AERIE_UNROLL
        for (int c = 0; c < C; ++c)
            acc[0][c] = acc[1][c] = set1(kCountFrom + (!L::kMinimum && kBiasedBytes ? bias[c] : 0));
        AERIE_UNROLL
        for (int v = 0; v < 4; ++v) {
            Bytes low[2], high[2];
            for (int t = 0; t < 2; ++t) load_quants<Format>(unit, t, v, low[t], high[t]);
            AERIE_UNROLL
            for (int c = 0; c < C; ++c) {
                const int32_t a = word(quants + c * kBlock + v * 4), b = word(quants + c * kBlock + v * 4 + 16);
                for (int t = 0; t < 2; ++t) {
                    acc[t][c] = L::kMinimum ? dot_small(acc[t][c], low[t], a) : dot_offset(acc[t][c], low[t], a);
                    acc[t][c] = L::kMinimum ? dot_small(acc[t][c], high[t], b) : dot_offset(acc[t][c], high[t], b);
                }
            }
        }
        AERIE_UNROLL
        for (int t = 0; t < 2; ++t) {
            const uint16_t* scales = reinterpret_cast<const uint16_t*>(unit + L::kScalesAt) + t * kTileRows;
            const Floats d = load_f16(scales), minus_origin = mul(d, set1(-kOrigin));
            const Floats m = L::kMinimum ? load_f16(scales + kUnitRows) : d;
            AERIE_UNROLL
            for (int c = 0; c < C; ++c) {
                if (L::kMinimum) total[t][c] = fma(m, set1(sum[c]), total[t][c]);
                total[t][c] = fma(scaled_count(acc[t][c], d, minus_origin), set1(scale[c]), total[t][c]);
            }
        }
        unit += L::kBytes;
        quants += rows * kBlock;
        scale += stride;
        sum += stride;
        bias += stride;
    }
    AERIE_UNROLL
    for (int c = 0; c < C; ++c)
        for (int t = 0; t < 2; ++t) store(tile + c * kUnitRows + t * kTileRows, total[t][c]);
}

}  // namespace aerie::cpu::AERIE_ISA
