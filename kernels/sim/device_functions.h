// Integer intrinsics, reductions over a warp and atomics of kernels.
#pragma once
#include "sim/device.h"

inline int __reduce_add_sync(unsigned mask, int value, AERIE_SIM_SITE) {
    return int(aerie::sim::reduce(mask, aerie::sim::Integer::sum, value, "__reduce_add_sync", site));
}
inline unsigned __reduce_add_sync(unsigned mask, unsigned value, AERIE_SIM_SITE) {
    return unsigned(aerie::sim::reduce(mask, aerie::sim::Integer::sum, value, "__reduce_add_sync", site));
}
inline int __reduce_min_sync(unsigned mask, int value, AERIE_SIM_SITE) {
    return int(aerie::sim::reduce(mask, aerie::sim::Integer::minimum, value, "__reduce_min_sync", site));
}
inline unsigned __reduce_min_sync(unsigned mask, unsigned value, AERIE_SIM_SITE) {
    return unsigned(aerie::sim::reduce(mask, aerie::sim::Integer::minimum, value, "__reduce_min_sync", site));
}
inline int __reduce_max_sync(unsigned mask, int value, AERIE_SIM_SITE) {
    return int(aerie::sim::reduce(mask, aerie::sim::Integer::maximum, value, "__reduce_max_sync", site));
}
inline unsigned __reduce_max_sync(unsigned mask, unsigned value, AERIE_SIM_SITE) {
    return unsigned(aerie::sim::reduce(mask, aerie::sim::Integer::maximum, value, "__reduce_max_sync", site));
}
inline unsigned __reduce_and_sync(unsigned mask, unsigned value, AERIE_SIM_SITE) {
    return unsigned(aerie::sim::reduce(mask, aerie::sim::Integer::conjunction, value, "__reduce_and_sync", site));
}
inline unsigned __reduce_or_sync(unsigned mask, unsigned value, AERIE_SIM_SITE) {
    return unsigned(aerie::sim::reduce(mask, aerie::sim::Integer::disjunction, value, "__reduce_or_sync", site));
}
inline unsigned __reduce_xor_sync(unsigned mask, unsigned value, AERIE_SIM_SITE) {
    return unsigned(aerie::sim::reduce(mask, aerie::sim::Integer::parity, value, "__reduce_xor_sync", site));
}
template <class T>
T atomicAdd(T* address, std::type_identity_t<T> value, AERIE_SIM_SITE) {
    return aerie::sim::atomically(aerie::sim::Atomic::add, address, value, site);
}
template <class T>
T atomicMin(T* address, std::type_identity_t<T> value, AERIE_SIM_SITE) {
    return aerie::sim::atomically(aerie::sim::Atomic::minimum, address, value, site);
}
template <class T>
T atomicMax(T* address, std::type_identity_t<T> value, AERIE_SIM_SITE) {
    return aerie::sim::atomically(aerie::sim::Atomic::maximum, address, value, site);
}
template <class T>
T atomicExch(T* address, std::type_identity_t<T> value, AERIE_SIM_SITE) {
    return aerie::sim::atomically(aerie::sim::Atomic::exchange, address, value, site);
}
template <class T>
T atomicAnd(T* address, std::type_identity_t<T> value, AERIE_SIM_SITE) {
    return aerie::sim::atomically(aerie::sim::Atomic::conjunction, address, value, site);
}
template <class T>
T atomicOr(T* address, std::type_identity_t<T> value, AERIE_SIM_SITE) {
    return aerie::sim::atomically(aerie::sim::Atomic::disjunction, address, value, site);
}
template <class T>
T atomicXor(T* address, std::type_identity_t<T> value, AERIE_SIM_SITE) {
    return aerie::sim::atomically(aerie::sim::Atomic::exclusive_or, address, value, site);
}
template <class T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> desired, AERIE_SIM_SITE) {
    static_assert(std::is_integral_v<T> && (sizeof(T) == 4 || sizeof(T) == 8), "atomics are of integers");
    return T(aerie::sim::compare_and_swap(address, uint64_t(expected), uint64_t(desired), sizeof(T), site));
}

template <class T>
T __ldg(const T* address) {
    return *address;
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz(unsigned(x)) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)(x)) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __brev(unsigned x) {
    unsigned reversed = 0;
    for (int i = 0; i < 32; ++i) reversed |= (x >> i & 1) << (31 - i);
    return reversed;
}
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((uint64_t(a) * b) >> 32); }
inline int __mulhi(int a, int b) { return int((int64_t(a) * b) >> 32); }
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
    const uint64_t bytes = uint64_t(b) << 32 | a;
    unsigned result = 0;
    for (int i = 0; i < 4; ++i) {
        const unsigned nibble = selector >> (4 * i), byte = unsigned(bytes >> (8 * (nibble & 7))) & 0xff;
        result |= (nibble & 8 ? (byte & 0x80 ? 0xffu : 0u) : byte) << (8 * i);
    }
    return result;
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
    return unsigned((uint64_t(high) << 32 | low) << (shift & 31) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
    return unsigned((uint64_t(high) << 32 | low) >> (shift & 31));
}
inline float __uint_as_float(unsigned x) { return __builtin_bit_cast(float, x); }
inline unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }
inline float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
inline int __float_as_int(float x) { return __builtin_bit_cast(int, x); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline int __float2int_rn(float x) {
    return x != x ? 0 : x >= 0x1p31f ? 0x7fffffff : x < -0x1p31f ? int(0x80000000) : int(rintf(x));
}

inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
inline unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }
inline unsigned min(unsigned a, int b) { return min(a, unsigned(b)); }
inline unsigned min(int a, unsigned b) { return min(unsigned(a), b); }
inline unsigned max(unsigned a, int b) { return max(a, unsigned(b)); }
inline unsigned max(int a, unsigned b) { return max(unsigned(a), b); }
inline long long min(long long a, long long b) { return a < b ? a : b; }
inline long long max(long long a, long long b) { return a > b ? a : b; }
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
