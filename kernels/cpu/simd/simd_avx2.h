// The lanes as two ymm registers, with or without AVX-VNNI; see simd.h, which alone includes this.
#pragma once
#include <immintrin.h>

namespace aerie::cpu::AERIE_ISA {

struct Floats {
    __m256 a, b;
};
struct Ints {
    __m256i a, b;
};
constexpr bool kManyRegisters = false;

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
// To nearest even.
AERIE_INLINE void store_f16(uint16_t* p, Floats x) {
    _mm_storeu_si128((__m128i*)p, _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128((__m128i*)(p + 8), _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT));
}
AERIE_INLINE __m256 widen_bf16(const uint16_t* p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)p)), 16));
}
AERIE_INLINE Floats load_bf16(const uint16_t* p) { return {widen_bf16(p), widen_bf16(p + 8)}; }
// The first, or the second, of each of 16 pairs.
AERIE_INLINE Floats load_first_bf16(const uint16_t* p) {
    const __m256i *low = (const __m256i*)p, *high = low + 1;
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_loadu_si256(low), 16)),
            _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_loadu_si256(high), 16))};
}
AERIE_INLINE Floats load_second_bf16(const uint16_t* p) {
    const __m256i *low = (const __m256i*)p, *high = low + 1, mask = _mm256_set1_epi32(-65536);
    return {_mm256_castsi256_ps(_mm256_and_si256(_mm256_loadu_si256(low), mask)),
            _mm256_castsi256_ps(_mm256_and_si256(_mm256_loadu_si256(high), mask))};
}

struct Register {
    __m256 v;
};
constexpr uint32_t kRegisterLanes = 8;
AERIE_INLINE Register load_register(const float* p) { return {_mm256_loadu_ps(p)}; }
AERIE_INLINE Register load_register(const Bfloat16* p) { return {widen_bf16(&p->bits)}; }
AERIE_INLINE Register load_register(const Float16* p) { return {_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p))}; }
AERIE_INLINE void store(float* p, Register x) { _mm256_storeu_ps(p, x.v); }
AERIE_INLINE Register splat(float x) { return {_mm256_set1_ps(x)}; }
AERIE_INLINE Register add(Register x, Register y) { return {_mm256_add_ps(x.v, y.v)}; }
AERIE_INLINE Register mul(Register x, Register y) { return {_mm256_mul_ps(x.v, y.v)}; }
AERIE_INLINE Register fma(Register x, Register y, Register z) { return {_mm256_fmadd_ps(x.v, y.v, z.v)}; }

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

}  // namespace aerie::cpu::AERIE_ISA
