// The lanes as one zmm register; see simd.h, which alone includes this.
#pragma once
#include <immintrin.h>

namespace aerie::cpu::AERIE_ISA {

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
constexpr bool kManyRegisters = true;
constexpr bool kRoundsOnce = true;  // fma

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
// To nearest even.
AERIE_INLINE void store_f16(uint16_t* p, Floats a) {
    _mm256_storeu_si256((__m256i*)p, _mm512_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT));
}
AERIE_INLINE Floats load_bf16(const uint16_t* p) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p)), 16))};
}
// The first, or the second, of each of 16 pairs.
AERIE_INLINE Floats load_first_bf16(const uint16_t* p) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(p), 16))};
}
AERIE_INLINE Floats load_second_bf16(const uint16_t* p) {
    return {_mm512_castsi512_ps(_mm512_and_si512(_mm512_loadu_si512(p), _mm512_set1_epi32(-65536)))};
}

using Register = Floats;
constexpr uint32_t kRegisterLanes = 16;
AERIE_INLINE Register load_register(const float* p) { return load(p); }
AERIE_INLINE Register load_register(const Bfloat16* p) { return load_bf16(&p->bits); }
AERIE_INLINE Register load_register(const Float16* p) { return load_f16(&p->bits); }
AERIE_INLINE Register splat(float a) { return set1(a); }

// Lanes whose bit is set come from a, the others from b.
AERIE_INLINE Floats select(uint32_t mask, Floats a, Floats b) {
    return {_mm512_mask_blend_ps(__mmask16(mask), b.v, a.v)};
}
AERIE_INLINE uint32_t less(Floats a, Floats b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ); }
AERIE_INLINE Ints set1(int32_t a) { return {_mm512_set1_epi32(a)}; }
AERIE_INLINE Ints add(Ints a, Ints b) { return {_mm512_add_epi32(a.v, b.v)}; }
AERIE_INLINE Ints round(Floats a) { return {_mm512_cvtps_epi32(a.v)}; }
AERIE_INLINE Floats to_float(Ints a) { return {_mm512_cvtepi32_ps(a.v)}; }
AERIE_INLINE Floats as_float(Ints a) { return {_mm512_castsi512_ps(a.v)}; }
// 2^a for integers a in [-126, 127]
AERIE_INLINE Floats exp2i(Ints a) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(a.v, _mm512_set1_epi32(127)), 23))};
}
AERIE_INLINE void store_i8(int8_t* p, Ints a) { _mm_storeu_si128((__m128i*)p, _mm512_cvtepi32_epi8(a.v)); }
AERIE_INLINE Bytes load_bytes(const uint8_t* p) { return {_mm512_loadu_si512(p)}; }
AERIE_INLINE Bytes low_nibbles(Bytes a) { return {_mm512_and_si512(a.v, _mm512_set1_epi8(15))}; }
#if defined(__GFNI__)
// One instruction: a byte times the 8x8 bit matrix that shifts it.
AERIE_INLINE Bytes high_nibbles(Bytes a) {
    return {_mm512_gf2p8affine_epi64_epi8(a.v, _mm512_set1_epi64(0x1020408000000000), 0)};
}
#else
AERIE_INLINE Bytes high_nibbles(Bytes a) { return {_mm512_and_si512(_mm512_srli_epi16(a.v, 4), _mm512_set1_epi8(15))}; }
#endif
// acc[i] += sum over j of w[4 i + j] * x[j], w unsigned, x four signed bytes
AERIE_INLINE Ints dot_small(Ints acc, Bytes w, int32_t x) {
    return {_mm512_dpbusd_epi32(acc.v, w.v, _mm512_set1_epi32(x))};
}
// The same for w + 128; the 128 is undone by the caller's bias if kBiasedBytes, else here.
AERIE_INLINE Ints dot_offset(Ints acc, Bytes w, int32_t x) { return dot_small(acc, w, x); }
AERIE_INLINE float reduce_add(Floats a) { return _mm512_reduce_add_ps(a.v); }
AERIE_INLINE float reduce_max(Floats a) { return _mm512_reduce_max_ps(a.v); }
AERIE_INLINE int32_t reduce_add(Ints a) { return _mm512_reduce_add_epi32(a.v); }

}  // namespace aerie::cpu::AERIE_ISA
