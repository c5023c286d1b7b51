// exp, tanh, log, sine and cosine of fma alone, so that a GPU and the simulator give the same bits. Functions of a
// GPU's own library are another one's than the simulator's, and its fast ones are no function of the argument alone.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

namespace aerie::cuda {

// e^x within 1.1 units of its last place, of a subnormal's where it is one; 0, infinity and NaN where they are due.
__device__ inline float exp_of(float x) {
    if (x != x) return x;
    if (x > 89.0f) x = 89.0f;
    if (x < -104.0f) x = -104.0f;
    // x = n ln 2 + r; adding 1.5 * 2^23 rounds to a whole number.
    const float n = fmaf(x, 0x1.715476p+0f, 12582912.0f) - 12582912.0f;
    float r = fmaf(n, -0x1.62e4p-1f, x);
    r = fmaf(n, -0x1.7f7d1cp-20f, r);
    float p = 0x1.6d11fep-10f;
    p = fmaf(p, r, 0x1.120c62p-7f);
    p = fmaf(p, r, 0x1.555518p-5f);
    p = fmaf(p, r, 0x1.5554dcp-3f);
    p = fmaf(p, r, 0.5f);
    p = fmaf(p * r, r, r) + 1.0f;
    // 2^n in two factors, neither of which overflows or is subnormal; the second one rounds.
    const int whole = int(n), half = whole / 2;
    return p * __uint_as_float(uint32_t(half + 127) << 23) * __uint_as_float(uint32_t(whole - half + 127) << 23);
}

// Hyperbolic tangent within 2 units of its last place; NaN stays NaN. Polynomial near 0 as in Cephes' tanhf.
__device__ inline float tanh_of(float x) {
    const float size = fabsf(x);
    if (size < 0.625f) {
        const float square = x * x;
        float p = -5.70498872745e-3f;
        p = fmaf(p, square, 2.06390887954e-2f);
        p = fmaf(p, square, -5.37397155531e-2f);
        p = fmaf(p, square, 1.33314422036e-1f);
        p = fmaf(p, square, -3.33332819422e-1f);
        return fmaf(p * square, x, x);
    }
    const float far = 1.0f - 2.0f / (exp_of(size + size) + 1.0f);
    return x < 0.0f ? -far : far;
}

// Natural logarithm within 0.9 units of its last place; of 0 it is -infinity, of negative numbers NaN.
__device__ inline float log_of(float x) {
    if (!(x > 0.0f) || x > 0x1.fffffep+127f) return x == 0.0f ? -INFINITY : x < 0.0f ? NAN : x;
    int exponent = 0;
    if (x < 0x1p-126f) {
        x *= 0x1p24f;
        exponent = -24;
    }
    // x = 2^exponent * (1 + f), 1 + f between the roots of 1/2 and 2.
    const uint32_t bits = __float_as_uint(x), above = bits - 0x3f3504f3u;
    exponent += int(above) >> 23;
    const float f = __uint_as_float((above & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    float p = 0x1.1d8ea6p-4f;
    p = fmaf(p, f, -0x1.d635bcp-4f);
    p = fmaf(p, f, 0x1.dea282p-4f);
    p = fmaf(p, f, -0x1.fcf4c6p-4f);
    p = fmaf(p, f, 0x1.23d21ap-3f);
    p = fmaf(p, f, -0x1.555b4ap-3f);
    p = fmaf(p, f, 0x1.999d5ap-3f);
    p = fmaf(p, f, -0x1.fffffcp-3f);
    p = fmaf(p, f, 0x1.555554p-2f);
    const float n = float(exponent), square = f * f;
    float low = fmaf(p * square, f, n * 0x1.7f7d1cp-20f);
    low = fmaf(-0.5f, square, low);
    return fmaf(n, 0x1.62e4p-1f, f + low);
}

// As log_of, in double precision and within 1 unit of its last place, of numbers in the range of normal floats: below
// it -infinity, above it and for NaN the number itself. Reduction and polynomial as in FDLIBM's log (Sun, 1993).
__device__ inline double log_of(double x) {
    if (!(x <= double(0x1.fffffep+127f))) return x;
    if (x < double(0x1p-126f)) return -double(INFINITY);
    const uint32_t above = __float_as_uint(float(x)) - 0x3f3504f3u;
    const int exponent = int(above) >> 23;
    // 2^-exponent in two factors, since one may be no normal float.
    const int half = exponent / 2;
    const double scaled = x * double(__uint_as_float(uint32_t(127 - half) << 23)) *
                          double(__uint_as_float(uint32_t(127 - (exponent - half)) << 23));
    const double f = scaled - 1.0, s = f / (2.0 + f), z = s * s, w = z * z, n = double(exponent);
    const double even = w * (0x1.999999997fa04p-2 + w * (0x1.c71c51d8e78afp-3 + w * 0x1.39a09d078c69fp-3));
    const double odd =
        z * (0x1.5555555555593p-1 + w * (0x1.2492494229359p-2 + w * (0x1.7466496cb03dep-3 + w * 0x1.2f112df3e5244p-3)));
    const double square = 0.5 * f * f;
    return n * 0x1.62e42feep-1 - ((square - (s * (square + (odd + even)) + n * 0x1.a39ef35793c76p-33)) - f);
}

// Sine and cosine within 2^-51, for angles below 2^31 quarter turns. In double precision, so that rounding to float
// gives what the CPU's library gives but where that is within 2^-51 of halfway between two floats.
__device__ inline void sine_cosine_of(double angle, double& sine, double& cosine) {
    const double quarters = rint(angle * 0x1.45f306dc9c883p-1);
    double x = fma(quarters, -0x1.921fb54442d18p+0, angle);
    x = fma(quarters, -0x1.1a62633145c07p-54, x);
    const double square = x * x;
    double s = 0x1.5e098556d302ep-33;
    s = fma(s, square, -0x1.ae60069e53ef1p-26);
    s = fma(s, square, 0x1.71de379252004p-19);
    s = fma(s, square, -0x1.a01a019e80693p-13);
    s = fma(s, square, 0x1.1111111110ba5p-7);
    s = fma(s, square, -0x1.5555555555555p-3);
    s = fma(s * square, x, x);
    double c = -0x1.907c0e63adbb6p-37;
    c = fma(c, square, 0x1.1eeb66b683028p-29);
    c = fma(c, square, -0x1.27e4fa15bd814p-22);
    c = fma(c, square, 0x1.a01a019f4d0edp-16);
    c = fma(c, square, -0x1.6c16c16c16960p-10);
    c = fma(c, square, 0x1.5555555555555p-5);
    c = fma(c * square, square, fma(-0.5, square, 1.0));
    const int turn = int(int64_t(quarters) & 3);
    const double even = turn & 1 ? c : s, odd = turn & 1 ? s : c;
    sine = turn & 2 ? -even : even;
    cosine = turn == 1 || turn == 2 ? -odd : odd;
}

}  // namespace aerie::cuda
