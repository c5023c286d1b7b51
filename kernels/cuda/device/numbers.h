// Numbers of memory that is float32, float16 or bfloat16: kernels are templates over how they are stored.
#pragma once
#include <type_traits>

#include "aerie.h"
#include "cuda/device/primitives.h"

namespace aerie::cuda {

struct Float16 {
    uint16_t bits;
};
struct Bfloat16 {
    uint16_t bits;
};

__device__ inline float widen(float value) { return value; }
__device__ inline float widen(Float16 value) { return from_f16(value.bits); }
__device__ inline float widen(Bfloat16 value) { return from_bf16(value.bits); }

// Rounded to nearest, ties to even.
template <class T>
__device__ inline T narrow(float value) {
    if constexpr (std::is_same_v<T, Float16>) {
        return {to_f16(value)};
    } else if constexpr (std::is_same_v<T, Bfloat16>) {
        return {to_bf16(value)};
    } else {
        return value;
    }
}

// to [16 bytes / size of T] = the numbers of a vector.
template <class T>
__device__ inline void widen_vector(float4* to, const uint4& vector) {
    if constexpr (std::is_same_v<T, float>) {
        to[0] = make_float4(__uint_as_float(vector.x), __uint_as_float(vector.y), __uint_as_float(vector.z),
                            __uint_as_float(vector.w));
    } else {
        const auto low = [](uint32_t pair) { return widen(T{uint16_t(pair)}); };
        const auto high = [](uint32_t pair) { return widen(T{uint16_t(pair >> 16)}); };
        to[0] = make_float4(low(vector.x), high(vector.x), low(vector.y), high(vector.y));
        to[1] = make_float4(low(vector.z), high(vector.z), low(vector.w), high(vector.w));
    }
}

// Calls body(T{}) with the type of a dtype.
template <class Body>
auto with_type(aerie_dtype dtype, Body&& body) {
    if (dtype == AERIE_F16) return body(Float16{});
    if (dtype == AERIE_BF16) return body(Bfloat16{});
    return body(float{});
}

}  // namespace aerie::cuda
