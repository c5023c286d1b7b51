// Sixteen lanes of float or int32 on every instruction set: one zmm register, two ymm, or plain loops that the
// compiler vectorises. Sums over lanes have a fixed order, so results do not depend on how work is grouped.
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif
#include "core/formats.h"

#define AERIE_INLINE inline __attribute__((always_inline))
// Accumulators stay in registers only if loops over them are unrolled; without vector registers to fill, that would
// cost minutes of compile time for nothing.
#if defined(__AVX2__)
#define AERIE_UNROLL _Pragma("GCC unroll 12")
#else
#define AERIE_UNROLL
#endif

namespace aerie::cpu::AERIE_ISA {

#if defined(__AVX512F__)

struct Floats {
    __m512 v;
};
struct Ints {
    __m512i v;
};
struct Bytes {
    __m512i v;
};
constexpr bool kBiasedBytes = true;

AERIE_INLINE Floats load(const float* p) { return {_mm512_loadu_ps(p)}; }
AERIE_INLINE void store(float* p, Floats a) { _mm512_storeu_ps(p, a.v); }
AERIE_INLINE Floats set1(float a) { return {_mm512_set1_ps(a)}; }
AERIE_INLINE Floats add(Floats a, Floats b) { return {_mm512_add_ps(a.v, b.v)}; }
AERIE_INLINE Floats sub(Floats a, Floats b) { return {_mm512_sub_ps(a.v, b.v)}; }
AERIE_INLINE Floats mul(Floats a, Floats b) { return {_mm512_mul_ps(a.v, b.v)}; }
AERIE_INLINE Floats div(Floats a, Floats b) { return {_mm512_div_ps(a.v, b.v)}; }
AERIE_INLINE Floats fma(Floats a, Floats b, Floats c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
AERIE_INLINE Floats max(Floats a, Floats b) { return {_mm512_max_ps(a.v, b.v)}; }
AERIE_INLINE Floats abs(Floats a) { return {_mm512_abs_ps(a.v)}; }
AERIE_INLINE Floats load_f16(const uint16_t* p) { return {_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p))}; }
AERIE_INLINE Floats load_bf16(const uint16_t* p) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p)), 16))};
}
// Lanes whose bit is set come from a, the others from b.
AERIE_INLINE Floats select(uint32_t mask, Floats a, Floats b) {
    return {_mm512_mask_blend_ps(__mmask16(mask), b.v, a.v)};
}
AERIE_INLINE uint32_t less(Floats a, Floats b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ); }
AERIE_INLINE Ints set1(int32_t a) { return {_mm512_set1_epi32(a)}; }
AERIE_INLINE Ints add(Ints a, Ints b) { return {_mm512_add_epi32(a.v, b.v)}; }
AERIE_INLINE Ints round(Floats a) { return {_mm512_cvtps_epi32(a.v)}; }
AERIE_INLINE Floats to_float(Ints a) { return {_mm512_cvtepi32_ps(a.v)}; }
// 2^a for integers a in [-126, 127]
AERIE_INLINE Floats exp2i(Ints a) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(a.v, _mm512_set1_epi32(127)), 23))};
}
AERIE_INLINE void store_i8(int8_t* p, Ints a) { _mm_storeu_si128((__m128i*)p, _mm512_cvtepi32_epi8(a.v)); }
AERIE_INLINE Bytes load_bytes(const uint8_t* p) { return {_mm512_loadu_si512(p)}; }
AERIE_INLINE Bytes low_nibbles(Bytes a) { return {_mm512_and_si512(a.v, _mm512_set1_epi8(15))}; }
AERIE_INLINE Bytes high_nibbles(Bytes a) { return {_mm512_and_si512(_mm512_srli_epi16(a.v, 4), _mm512_set1_epi8(15))}; }
// acc[i] += sum over j of w[4 i + j] * x[j], w unsigned, x four signed bytes
AERIE_INLINE Ints dot_small(Ints acc, Bytes w, int32_t x) {
    return {_mm512_dpbusd_epi32(acc.v, w.v, _mm512_set1_epi32(x))};
}
// The same for w + 128; the 128 is undone by the caller's bias if kBiasedBytes, else here.
AERIE_INLINE Ints dot_offset(Ints acc, Bytes w, int32_t x) { return dot_small(acc, w, x); }
AERIE_INLINE float reduce_add(Floats a) { return _mm512_reduce_add_ps(a.v); }
AERIE_INLINE float reduce_max(Floats a) { return _mm512_reduce_max_ps(a.v); }
AERIE_INLINE int32_t reduce_add(Ints a) { return _mm512_reduce_add_epi32(a.v); }

#elif defined(__AVX2__)

struct Floats {
    __m256 a, b;
};
struct Ints {
    __m256i a, b;
};
struct Bytes {
    __m256i a, b;
};
constexpr bool kBiasedBytes = false;

AERIE_INLINE Floats load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
AERIE_INLINE void store(float* p, Floats x) {
    _mm256_storeu_ps(p, x.a);
    _mm256_storeu_ps(p + 8, x.b);
}
AERIE_INLINE Floats set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
AERIE_INLINE Floats add(Floats x, Floats y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
AERIE_INLINE Floats sub(Floats x, Floats y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
AERIE_INLINE Floats mul(Floats x, Floats y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
AERIE_INLINE Floats div(Floats x, Floats y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
AERIE_INLINE Floats fma(Floats x, Floats y, Floats z) {
    return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
AERIE_INLINE Floats max(Floats x, Floats y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
AERIE_INLINE Floats abs(Floats x) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return {_mm256_andnot_ps(sign, x.a), _mm256_andnot_ps(sign, x.b)};
}
AERIE_INLINE Floats load_f16(const uint16_t* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p)),
            _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)(p + 8)))};
}
AERIE_INLINE __m256 widen_bf16(const uint16_t* p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)p)), 16));
}
AERIE_INLINE Floats load_bf16(const uint16_t* p) { return {widen_bf16(p), widen_bf16(p + 8)}; }
AERIE_INLINE __m256 lane_mask(uint32_t mask) {
    const __m256i bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(int32_t(mask)), bits), bits));
}
AERIE_INLINE Floats select(uint32_t mask, Floats x, Floats y) {
    return {_mm256_blendv_ps(y.a, x.a, lane_mask(mask)), _mm256_blendv_ps(y.b, x.b, lane_mask(mask >> 8))};
}
AERIE_INLINE uint32_t less(Floats x, Floats y) {
    return uint32_t(_mm256_movemask_ps(_mm256_cmp_ps(x.a, y.a, _CMP_LT_OQ))) |
           uint32_t(_mm256_movemask_ps(_mm256_cmp_ps(x.b, y.b, _CMP_LT_OQ))) << 8;
}
AERIE_INLINE Ints set1(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
AERIE_INLINE Ints add(Ints x, Ints y) { return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)}; }
AERIE_INLINE Ints round(Floats x) { return {_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)}; }
AERIE_INLINE Floats to_float(Ints x) { return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
AERIE_INLINE __m256 exp2_half(__m256i x) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(x, _mm256_set1_epi32(127)), 23));
}
AERIE_INLINE Floats exp2i(Ints x) { return {exp2_half(x.a), exp2_half(x.b)}; }
AERIE_INLINE void store_i8(int8_t* p, Ints x) {
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(x.a, x.b), 0xd8);
    _mm_storeu_si128((__m128i*)p, _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}
AERIE_INLINE Bytes load_bytes(const uint8_t* p) {
    return {_mm256_loadu_si256((const __m256i*)p), _mm256_loadu_si256((const __m256i*)(p + 32))};
}
AERIE_INLINE Bytes low_nibbles(Bytes x) {
    const __m256i mask = _mm256_set1_epi8(15);
    return {_mm256_and_si256(x.a, mask), _mm256_and_si256(x.b, mask)};
}
AERIE_INLINE Bytes high_nibbles(Bytes x) {
    const __m256i mask = _mm256_set1_epi8(15);
    return {_mm256_and_si256(_mm256_srli_epi16(x.a, 4), mask), _mm256_and_si256(_mm256_srli_epi16(x.b, 4), mask)};
}
// Quants below 128 times int8: the pair sums of vpmaddubsw stay within 16 bits for quants up to 129.
AERIE_INLINE __m256i dot_half(__m256i acc, __m256i w, __m256i x) {
#if defined(__AVXVNNI__)
    return _mm256_dpbusd_avx_epi32(acc, w, x);
#else
    return _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_maddubs_epi16(w, x), _mm256_set1_epi16(1)));
#endif
}
AERIE_INLINE Ints dot_small(Ints acc, Bytes w, int32_t x) {
    const __m256i words = _mm256_set1_epi32(x);
    return {dot_half(acc.a, w.a, words), dot_half(acc.b, w.b, words)};
}
// |w| times x with w's sign: pairs cannot saturate (128 * 127 * 2 < 2^15).
AERIE_INLINE __m256i dot_signed_half(__m256i acc, __m256i offset_w, __m256i x) {
    const __m256i w = _mm256_xor_si256(offset_w, _mm256_set1_epi8(-128));
    return dot_half(acc, _mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
}
AERIE_INLINE Ints dot_offset(Ints acc, Bytes w, int32_t x) {
    const __m256i words = _mm256_set1_epi32(x);
    return {dot_signed_half(acc.a, w.a, words), dot_signed_half(acc.b, w.b, words)};
}
AERIE_INLINE float reduce_add(Floats x) {
    const __m256 eight = _mm256_add_ps(x.a, x.b);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
AERIE_INLINE float reduce_max(Floats x) {
    const __m256 eight = _mm256_max_ps(x.a, x.b);
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
AERIE_INLINE int32_t reduce_add(Ints x) {
    const __m256i eight = _mm256_add_epi32(x.a, x.b);
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

#else

// GCC's vector extension: lowered to whatever the target has.
struct Floats {
    float v __attribute__((vector_size(64)));
};
struct Ints {
    int32_t v __attribute__((vector_size(64)));
};
struct Bytes {
    uint32_t v __attribute__((vector_size(64)));
};
constexpr bool kBiasedBytes = true;

template <class T>
AERIE_INLINE T load_as(const void* p) {
    T r;
    memcpy(&r, p, sizeof r);
    return r;
}
AERIE_INLINE Floats load(const float* p) { return load_as<Floats>(p); }
AERIE_INLINE void store(float* p, Floats a) { memcpy(p, &a, sizeof a); }
AERIE_INLINE Floats set1(float a) { return {a - decltype(Floats::v){}}; }
AERIE_INLINE Floats add(Floats a, Floats b) { return {a.v + b.v}; }
AERIE_INLINE Floats sub(Floats a, Floats b) { return {a.v - b.v}; }
AERIE_INLINE Floats mul(Floats a, Floats b) { return {a.v * b.v}; }
AERIE_INLINE Floats div(Floats a, Floats b) { return {a.v / b.v}; }
AERIE_INLINE Floats fma(Floats a, Floats b, Floats c) { return {a.v * b.v + c.v}; }
AERIE_INLINE Floats max(Floats a, Floats b) { return {a.v > b.v ? a.v : b.v}; }
AERIE_INLINE Floats abs(Floats a) { return {a.v < 0 ? -a.v : a.v}; }
AERIE_INLINE Floats load_f16(const uint16_t* p) {
    Floats r;
    for (int i = 0; i < 16; ++i) r.v[i] = f16_to_f32(p[i]);
    return r;
}
AERIE_INLINE Floats load_bf16(const uint16_t* p) {
    typedef uint16_t Halves __attribute__((vector_size(32)));
    const auto words = __builtin_convertvector(load_as<Halves>(p), decltype(Bytes::v)) << 16;
    return load_as<Floats>(&words);
}
AERIE_INLINE Floats select(uint32_t mask, Floats a, Floats b) {
    constexpr decltype(Bytes::v) bits = {1,     2,     4,     8,     0x10,   0x20,   0x40,   0x80,
                                         0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000, 0x8000};
    return {(mask & bits) != 0 ? a.v : b.v};
}
AERIE_INLINE uint32_t less(Floats a, Floats b) {
    uint32_t mask = 0;
    for (int i = 0; i < 16; ++i) mask |= uint32_t(a.v[i] < b.v[i]) << i;
    return mask;
}
AERIE_INLINE Ints set1(int32_t a) { return {a - decltype(Ints::v){}}; }
AERIE_INLINE Ints add(Ints a, Ints b) { return {a.v + b.v}; }
// To the nearest integer, ties to even, for |a| < 2^22.
AERIE_INLINE Ints round(Floats a) {
    return {__builtin_convertvector((a.v + 0x1.8p23f) - 0x1.8p23f, decltype(Ints::v))};
}
AERIE_INLINE Floats to_float(Ints a) { return {__builtin_convertvector(a.v, decltype(Floats::v))}; }
AERIE_INLINE Floats exp2i(Ints a) {
    const auto bits = (a.v + 127) << 23;
    return load_as<Floats>(&bits);
}
AERIE_INLINE void store_i8(int8_t* p, Ints a) {
    for (int i = 0; i < 16; ++i) p[i] = int8_t(a.v[i]);
}
AERIE_INLINE Bytes load_bytes(const uint8_t* p) { return load_as<Bytes>(p); }
AERIE_INLINE Bytes low_nibbles(Bytes a) { return {a.v & 0x0f0f0f0fu}; }
AERIE_INLINE Bytes high_nibbles(Bytes a) { return {a.v >> 4 & 0x0f0f0f0fu}; }
AERIE_INLINE Ints dot_small(Ints acc, Bytes w, int32_t x) {
    for (int j = 0; j < 4; ++j) {
        const auto byte = w.v >> (8 * j) & 255u;
        acc.v += load_as<Ints>(&byte).v * int32_t(int8_t(x >> (8 * j)));
    }
    return acc;
}
AERIE_INLINE Ints dot_offset(Ints acc, Bytes w, int32_t x) { return dot_small(acc, w, x); }
AERIE_INLINE float reduce_add(Floats a) {
    for (int step = 8; step; step /= 2)
        for (int i = 0; i < step; ++i) a.v[i] += a.v[i + step];
    return a.v[0];
}
AERIE_INLINE float reduce_max(Floats a) {
    float largest = a.v[0];
    for (int i = 1; i < 16; ++i) largest = largest > a.v[i] ? largest : a.v[i];
    return largest;
}
AERIE_INLINE int32_t reduce_add(Ints a) {
    int32_t sum = 0;
    for (int i = 0; i < 16; ++i) sum += a.v[i];
    return sum;
}

#endif

// First n lanes from memory, the rest zero.
AERIE_INLINE Floats load_n(const float* p, uint32_t n) {
    if (n >= 16) return load(p);
    float lanes[16] = {};
    memcpy(lanes, p, n * sizeof(float));
    return load(lanes);
}
AERIE_INLINE void store_n(float* p, Floats a, uint32_t n) {
    if (n >= 16) return store(p, a);
    float lanes[16];
    store(lanes, a);
    memcpy(p, lanes, n * sizeof(float));
}

// e^x to about 2 ulp; 0 below -87, e^88 above 88. Reduction and polynomial as in Cephes' expf.
AERIE_INLINE Floats exp(Floats x) {
    const Floats floor = set1(-87.0f);
    const uint32_t tiny = less(x, floor);
    const Floats ceiling = set1(88.0f), least = max(x, floor);
    const Floats clamped = select(less(ceiling, least), ceiling, least);
    const Ints n = round(mul(clamped, set1(1.44269504f)));
    // Two-part ln 2 keeps the reduced argument exact.
    Floats f = fma(to_float(n), set1(-0.693359375f), clamped);
    f = fma(to_float(n), set1(2.12194440e-4f), f);
    Floats p = set1(1.9875691500e-4f);
    p = fma(p, f, set1(1.3981999507e-3f));
    p = fma(p, f, set1(8.3334519073e-3f));
    p = fma(p, f, set1(4.1665795894e-2f));
    p = fma(p, f, set1(1.6666665459e-1f));
    p = fma(p, f, set1(5.0000001201e-1f));
    p = fma(mul(p, f), f, add(f, set1(1.0f)));
    return select(tiny, set1(0.0f), mul(p, exp2i(n)));
}

}  // namespace aerie::cpu::AERIE_ISA
