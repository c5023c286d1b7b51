// The lanes as GCC's generic vectors; see simd.h, which alone includes this.
#pragma once
#include "core/formats.h"

namespace aerie::cpu::AERIE_ISA {

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
constexpr bool kManyRegisters = true;
constexpr bool kRoundsOnce = false;  // fma

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
AERIE_INLINE void store_f16(uint16_t* p, Floats a) {
    for (int i = 0; i < 16; ++i) p[i] = f32_to_f16(a.v[i]);
}
AERIE_INLINE Floats load_bf16(const uint16_t* p) {
    typedef uint16_t Halves __attribute__((vector_size(32)));
    const auto words = __builtin_convertvector(load_as<Halves>(p), decltype(Bytes::v)) << 16;
    return load_as<Floats>(&words);
}
// The first, or the second, of each of 16 pairs.
AERIE_INLINE Floats load_first_bf16(const uint16_t* p) {
    const auto words = load_as<Bytes>(p).v << 16;
    return load_as<Floats>(&words);
}
AERIE_INLINE Floats load_second_bf16(const uint16_t* p) {
    const auto words = load_as<Bytes>(p).v & 0xffff0000;
    return load_as<Floats>(&words);
}

using Register = Floats;
constexpr uint32_t kRegisterLanes = 16;
AERIE_INLINE Register load_register(const float* p) { return load(p); }
AERIE_INLINE Register load_register(const Bfloat16* p) { return load_bf16(&p->bits); }
AERIE_INLINE Register load_register(const Float16* p) { return load_f16(&p->bits); }
AERIE_INLINE Register splat(float a) { return set1(a); }

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
AERIE_INLINE Floats as_float(Ints a) { return {(decltype(Floats::v))a.v}; }
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

}  // namespace aerie::cpu::AERIE_ISA
