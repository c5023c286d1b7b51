// int8 products where registers are few (16 of 256 bits): the accumulators of one tile (16 weight rows) and four rows
// of x fit; totals wait in the output.
#pragma once
#include "cpu/dot/packed_block.h"

namespace aerie::cpu::AERIE_ISA {

constexpr int kRowsPerPass = 4;  // rows of x per pass over a tile

// Half of a tile: see Layout.
template <int Format>
AERIE_INLINE void load_quants(const uint8_t* block, int t, int v, int half, __m256i& low, __m256i& high) {
    const auto at = [&](int offset) { return _mm256_loadu_si256((const __m256i*)(block + offset + half * 32)); };
    if constexpr (Format == kPackedQ4) {
        const __m256i both = at(t * 256 + v * 64), mask = _mm256_set1_epi8(15);
        low = _mm256_and_si256(both, mask);
        high = _mm256_and_si256(_mm256_srli_epi16(both, 4), mask);
    } else {
        const __m256i offset = _mm256_set1_epi8(Format == kPackedQ8 ? -128 : 0);
        low = _mm256_xor_si256(at(t * 512 + v * 64), offset);
        high = _mm256_xor_si256(at(t * 512 + v * 64 + 256), offset);
    }
}

// Adds products of four inputs each of eight weight rows. Four-bit quants are summed in 16 bits, where a whole block
// has room (8 * 2 * 15 * 127 < 2^15), others in 32.
template <int Format>
AERIE_INLINE __m256i accumulate(__m256i sum, __m256i w, __m256i x) {
    // |w| times x with w's sign: a pair of 8-bit products stays within 16 bits (2 * 128 * 127 < 2^15).
    const __m256i quants = Format == kPackedQ8 ? _mm256_abs_epi8(w) : w;
    const __m256i inputs = Format == kPackedQ8 ? _mm256_sign_epi8(x, w) : x;
#if defined(__AVXVNNI__)
    sum = _mm256_dpbusd_avx_epi32(sum, quants, inputs);
#else
    const __m256i pairs = _mm256_maddubs_epi16(quants, inputs);
    sum = Format == kPackedQ4 ? _mm256_add_epi16(sum, pairs)
                              : _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#endif
    // Compiler barrier: keeps the chain of sums from being balanced into a tree, whose leaves would not fit into
    // registers.
    asm("" : "+x"(sum));
    return sum;
}

// The sums in 32 bits.
template <int Format>
AERIE_INLINE __m256i widened(__m256i sum) {
#if !defined(__AVXVNNI__)
    if (Format == kPackedQ4) return _mm256_madd_epi16(sum, _mm256_set1_epi16(1));
#endif
    return sum;
}

// Where the inputs of a block lie, from some row on.
struct InputRows {
    const int8_t* quants;
    const float *scale, *sum;
};

// One tile of a block times R rows of x, added to `out`.
template <int Format, int R>
AERIE_INLINE void add_tile(const uint8_t* block, int t, const InputRows& x, float* out) {
    using L = Layout<Format>;
    __m256i sums[2][R];
    AERIE_UNROLL
    for (int r = 0; r < R; ++r) sums[0][r] = sums[1][r] = _mm256_setzero_si256();
    AERIE_UNROLL
    for (int v = 0; v < 4; ++v) {
        __m256i low[2], high[2];  // inputs 4 v .. 4 v + 3 of eight rows each, and those 16 further
        AERIE_UNROLL
        for (int half = 0; half < 2; ++half) load_quants<Format>(block, t, v, half, low[half], high[half]);
        AERIE_UNROLL
        for (int r = 0; r < R; ++r) {
            const int8_t* quants = x.quants + r * int(kBlock) + v * 4;
            const __m256i a = _mm256_set1_epi32(word(quants));
            AERIE_UNROLL
            for (int half = 0; half < 2; ++half) sums[half][r] = accumulate<Format>(sums[half][r], low[half], a);
            const __m256i b = _mm256_set1_epi32(word(quants + 16));
            AERIE_UNROLL
            for (int half = 0; half < 2; ++half) sums[half][r] = accumulate<Format>(sums[half][r], high[half], b);
        }
    }
    const uint16_t* scales = reinterpret_cast<const uint16_t*>(block + L::kScalesAt) + t * kTileRows;
    const auto eight = [&](uint32_t at) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)(scales + at))); };
    const __m256 d[2] = {eight(0), eight(8)};
    const __m256 m[2] = {L::kMinimum ? eight(kPanelRows) : d[0], L::kMinimum ? eight(kPanelRows + 8) : d[1]};
    AERIE_UNROLL
    for (int r = 0; r < R; ++r) {
        const __m256 scale = _mm256_set1_ps(x.scale[r]), sum = _mm256_set1_ps(x.sum[r]);
        AERIE_UNROLL
        for (int half = 0; half < 2; ++half) {
            float* at = out + r * kPanelRows + t * kTileRows + half * 8;
            __m256 total = _mm256_loadu_ps(at);
            if (L::kMinimum) total = _mm256_fmadd_ps(m[half], sum, total);
            const __m256 dot = _mm256_mul_ps(_mm256_cvtepi32_ps(widened<Format>(sums[half][r])), d[half]);
            _mm256_storeu_ps(at, _mm256_fmadd_ps(dot, scale, total));
        }
    }
}

template <int Format, int R>
void dot_rows(const uint8_t* panel, uint32_t cols, const QuantizedRows& x, uint32_t first_row, float* out,
              Prefetch prefetch) {
    constexpr int kFirst = R < kRowsPerPass ? R : kRowsPerPass, kRest = R - kFirst;
    memset(out, 0, R * kPanelRows * sizeof(float));
    for (uint32_t block = 0; block < cols / kBlock; ++block, panel += Layout<Format>::kBytes) {
        prefetch.step();
        const size_t scales = size_t(block) * x.stride + first_row;
        const InputRows at{x.quants + (size_t(block) * x.num_rows + first_row) * kBlock, x.scale + scales,
                           x.sum + scales};
        for (int t = 0; t < 2; ++t) {
            add_tile<Format, kFirst>(panel, t, at, out);
            if constexpr (kRest > 0)
                add_tile<Format, kRest>(panel, t, {at.quants + kFirst * kBlock, at.scale + kFirst, at.sum + kFirst},
                                        out + kFirst * kPanelRows);
        }
    }
}

}  // namespace aerie::cpu::AERIE_ISA
