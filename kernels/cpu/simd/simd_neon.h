// The lanes as four NEON registers with the dot-product extension (Armv8.2); see simd.h, which alone includes this.
#pragma once
#include <arm_neon.h>

namespace aerie::cpu::AERIE_ISA {

struct Floats {
    float32x4_t v[4];
};
struct Ints {
    int32x4_t v[4];
};
struct Bytes {
    uint8x16_t v[4];
};
constexpr bool kBiasedBytes = false;
constexpr bool kManyRegisters = true;
constexpr bool kRoundsOnce = true;  // fma

// One expression for each of the four registers.
#define AERIE_QUARTERS(type, expression)                                     \
    type r;                                                                  \
    _Pragma("GCC unroll 4") for (int i = 0; i < 4; ++i) r.v[i] = expression; \
    return r

AERIE_INLINE Floats load(const float* p) { AERIE_QUARTERS(Floats, vld1q_f32(p + 4 * i)); }
AERIE_INLINE void store(float* p, Floats a) {
    for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, a.v[i]);
}
AERIE_INLINE Floats set1(float a) { AERIE_QUARTERS(Floats, vdupq_n_f32(a)); }
AERIE_INLINE Floats add(Floats a, Floats b) { AERIE_QUARTERS(Floats, vaddq_f32(a.v[i], b.v[i])); }
AERIE_INLINE Floats sub(Floats a, Floats b) { AERIE_QUARTERS(Floats, vsubq_f32(a.v[i], b.v[i])); }
AERIE_INLINE Floats mul(Floats a, Floats b) { AERIE_QUARTERS(Floats, vmulq_f32(a.v[i], b.v[i])); }
AERIE_INLINE Floats div(Floats a, Floats b) { AERIE_QUARTERS(Floats, vdivq_f32(a.v[i], b.v[i])); }
AERIE_INLINE Floats fma(Floats a, Floats b, Floats c) { AERIE_QUARTERS(Floats, vfmaq_f32(c.v[i], a.v[i], b.v[i])); }
AERIE_INLINE Floats max(Floats a, Floats b) { AERIE_QUARTERS(Floats, vmaxnmq_f32(a.v[i], b.v[i])); }
AERIE_INLINE Floats abs(Floats a) { AERIE_QUARTERS(Floats, vabsq_f32(a.v[i])); }
AERIE_INLINE Floats load_f16(const uint16_t* p) {
    AERIE_QUARTERS(Floats, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i))));
}
// To nearest even.
AERIE_INLINE void store_f16(uint16_t* p, Floats a) {
    for (int i = 0; i < 4; ++i) vst1_u16(p + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(a.v[i])));
}
AERIE_INLINE Floats load_bf16(const uint16_t* p) {
    AERIE_QUARTERS(Floats, vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p + 4 * i), 16)));
}
// The first, or the second, of each of 16 pairs.
AERIE_INLINE Floats load_first_bf16(const uint16_t* p) {
    AERIE_QUARTERS(Floats, vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_u16(vld1q_u16(p + 8 * i)), 16)));
}
AERIE_INLINE Floats load_second_bf16(const uint16_t* p) {
    const uint32x4_t mask = vdupq_n_u32(0xffff0000);
    AERIE_QUARTERS(Floats, vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_u16(vld1q_u16(p + 8 * i)), mask)));
}

struct Register {
    float32x4_t v;
};
constexpr uint32_t kRegisterLanes = 4;
AERIE_INLINE Register load_register(const float* p) { return {vld1q_f32(p)}; }
AERIE_INLINE Register load_register(const Bfloat16* p) {
    return {vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(&p->bits), 16))};
}
AERIE_INLINE Register load_register(const Float16* p) {
    return {vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(&p->bits)))};
}
AERIE_INLINE void store(float* p, Register a) { vst1q_f32(p, a.v); }
AERIE_INLINE Register splat(float a) { return {vdupq_n_f32(a)}; }
AERIE_INLINE Register add(Register a, Register b) { return {vaddq_f32(a.v, b.v)}; }
AERIE_INLINE Register mul(Register a, Register b) { return {vmulq_f32(a.v, b.v)}; }
AERIE_INLINE Register fma(Register a, Register b, Register c) { return {vfmaq_f32(c.v, a.v, b.v)}; }

AERIE_INLINE Floats select(uint32_t mask, Floats a, Floats b) {
    const uint32x4_t bits = {1, 2, 4, 8};
    AERIE_QUARTERS(Floats, vbslq_f32(vtstq_u32(vdupq_n_u32(mask >> (4 * i)), bits), a.v[i], b.v[i]));
}
AERIE_INLINE uint32_t less(Floats a, Floats b) {
    const uint32x4_t bits = {1, 2, 4, 8};
    uint32_t mask = 0;
    for (int i = 0; i < 4; ++i) mask |= vaddvq_u32(vandq_u32(vcltq_f32(a.v[i], b.v[i]), bits)) << (4 * i);
    return mask;
}
AERIE_INLINE Ints set1(int32_t a) { AERIE_QUARTERS(Ints, vdupq_n_s32(a)); }
AERIE_INLINE Ints add(Ints a, Ints b) { AERIE_QUARTERS(Ints, vaddq_s32(a.v[i], b.v[i])); }
AERIE_INLINE Ints round(Floats a) { AERIE_QUARTERS(Ints, vcvtnq_s32_f32(a.v[i])); }
AERIE_INLINE Floats to_float(Ints a) { AERIE_QUARTERS(Floats, vcvtq_f32_s32(a.v[i])); }
AERIE_INLINE Floats as_float(Ints a) { AERIE_QUARTERS(Floats, vreinterpretq_f32_s32(a.v[i])); }
AERIE_INLINE Floats exp2i(Ints a) {
    AERIE_QUARTERS(Floats, vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(a.v[i], vdupq_n_s32(127)), 23)));
}
AERIE_INLINE void store_i8(int8_t* p, Ints a) {
    const int16x8_t low = vcombine_s16(vmovn_s32(a.v[0]), vmovn_s32(a.v[1]));
    const int16x8_t high = vcombine_s16(vmovn_s32(a.v[2]), vmovn_s32(a.v[3]));
    vst1q_s8(p, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
}
AERIE_INLINE Bytes load_bytes(const uint8_t* p) { AERIE_QUARTERS(Bytes, vld1q_u8(p + 16 * i)); }
AERIE_INLINE Bytes low_nibbles(Bytes a) { AERIE_QUARTERS(Bytes, vandq_u8(a.v[i], vdupq_n_u8(15))); }
AERIE_INLINE Bytes high_nibbles(Bytes a) { AERIE_QUARTERS(Bytes, vshrq_n_u8(a.v[i], 4)); }
// sdot wants both sides signed: quants below 128 are, those with the offset lose it first.
AERIE_INLINE Ints dot_small(Ints acc, Bytes w, int32_t x) {
    const int8x16_t words = vreinterpretq_s8_s32(vdupq_n_s32(x));
    AERIE_QUARTERS(Ints, vdotq_s32(acc.v[i], vreinterpretq_s8_u8(w.v[i]), words));
}
AERIE_INLINE Ints dot_offset(Ints acc, Bytes w, int32_t x) {
    const int8x16_t words = vreinterpretq_s8_s32(vdupq_n_s32(x));
    AERIE_QUARTERS(Ints, vdotq_s32(acc.v[i], vreinterpretq_s8_u8(veorq_u8(w.v[i], vdupq_n_u8(128))), words));
}
AERIE_INLINE float reduce_add(Floats a) {
    return vaddvq_f32(vaddq_f32(vaddq_f32(a.v[0], a.v[1]), vaddq_f32(a.v[2], a.v[3])));
}
AERIE_INLINE float reduce_max(Floats a) {
    return vmaxvq_f32(vmaxq_f32(vmaxq_f32(a.v[0], a.v[1]), vmaxq_f32(a.v[2], a.v[3])));
}
AERIE_INLINE int32_t reduce_add(Ints a) {
    return vaddvq_s32(vaddq_s32(vaddq_s32(a.v[0], a.v[1]), vaddq_s32(a.v[2], a.v[3])));
}
#undef AERIE_QUARTERS

}  // namespace aerie::cpu::AERIE_ISA
