// Vectors of float and int32 on every instruction set. There are two kinds, for the two things that limit a loop:
//   Floats, Ints   16 lanes, however many registers that takes: one zmm, two ymm, four NEON registers, GCC's generic
//                  vectors. Sums over lanes have a fixed order, so a result does not depend on how work is grouped.
//   Register       the lanes of Floats that one register holds (kRegisterLanes), for loops whose accumulators must all
//                  stay in registers.
// and for int8 products, where dot_many_registers.h is used, Bytes: 64 bytes, four for each lane of Ints.
//
// What an instruction set says of itself:
//   kManyRegisters  24 accumulators of Floats fit into registers, else 12 of Register
//   kBiasedBytes    dot_offset leaves the 128 that is added to 8-bit weights in the sum
//   kRoundsOnce     fma rounds once
#pragma once
#include <cstdint>
#include <cstring>

#include "core/formats.h"

namespace aerie::cpu {

// Floats of 16 bits as they lie in memory.
struct Float16 {
    uint16_t bits;
};
struct Bfloat16 {
    uint16_t bits;
};

}  // namespace aerie::cpu

#define AERIE_INLINE inline __attribute__((always_inline))
// Accumulators stay in registers only if loops over them are unrolled; without vector registers to fill, that would
// cost minutes of compile time for nothing.
#if defined(__AVX2__) || defined(__ARM_FEATURE_DOTPROD)
#define AERIE_UNROLL _Pragma("GCC unroll 12")
#else
#define AERIE_UNROLL
#endif

#if defined(__AVX512F__)
#include "cpu/simd/simd_avx512.h"
#elif defined(__AVX2__)
#include "cpu/simd/simd_avx2.h"
#elif defined(__ARM_FEATURE_DOTPROD)
#include "cpu/simd/simd_neon.h"
#else
#include "cpu/simd/simd_generic.h"
#endif

namespace aerie::cpu::AERIE_ISA {

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

// Hyperbolic tangent to about 2 ulp; NaN stays NaN. Polynomial near 0 as in Cephes' tanhf.
AERIE_INLINE Floats tanh(Floats x) {
    const Floats size = abs(x), square = mul(x, x), one = set1(1.0f);
    Floats p = set1(-5.70498872745e-3f);
    p = fma(p, square, set1(2.06390887954e-2f));
    p = fma(p, square, set1(-5.37397155531e-2f));
    p = fma(p, square, set1(1.33314422036e-1f));
    p = fma(p, square, set1(-3.33332819422e-1f));
    const Floats near = fma(mul(p, square), x, x);
    const Floats far = sub(one, div(set1(2.0f), add(exp(add(size, size)), one)));
    const Floats zero = set1(0.0f), border = set1(0.625f);
    const uint32_t is_near = less(size, border), is_number = is_near | less(set1(0.5f), size);
    const Floats signed_far = select(less(x, zero), sub(zero, far), far);
    return select(is_number, select(is_near, near, signed_far), x);
}

}  // namespace aerie::cpu::AERIE_ISA
