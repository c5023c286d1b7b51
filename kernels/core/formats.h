// ggml's block formats: sizes and the plain (slow, obviously right) conversion to float32.
#pragma once
#include <cstddef>
#include <cstdint>

#include "aerie.h"

namespace aerie {

struct BlockSize {
    uint32_t elements, bytes;
};

// Throws AERIE_UNSUPPORTED for an unknown format.
BlockSize block_size(aerie_format format);

// Bytes of `count` elements; count must be a multiple of the block.
size_t format_bytes(aerie_format format, size_t count);

// out [count] = the values of `data`; count is a multiple of the block.
void dequantize(float* out, const uint8_t* data, aerie_format format, size_t count);

// Bytes of one number.
inline size_t dtype_bytes(aerie_dtype dtype) { return dtype == AERIE_F32 ? 4 : dtype == AERIE_INT8 ? 1 : 2; }
// Conversion between float32 and `dtype` (float32, float16 or bfloat16), rounded to nearest even.
void narrow(void* out, const float* values, size_t count, aerie_dtype dtype);
void widen(float* out, const void* values, size_t count, aerie_dtype dtype);

float f16_to_f32(uint16_t half);
uint16_t f32_to_f16(float value);  // round to nearest even
inline float bf16_to_f32(uint16_t bits) {
    const uint32_t word = uint32_t(bits) << 16;
    float value;
    __builtin_memcpy(&value, &word, 4);
    return value;
}
inline uint16_t f32_to_bf16(float value) {  // round to nearest even; NaN stays NaN
    uint32_t word;
    __builtin_memcpy(&word, &value, 4);
    if ((word & 0x7fffffff) > 0x7f800000) return uint16_t((word >> 16) | 0x40);
    return uint16_t((word + 0x7fff + ((word >> 16) & 1)) >> 16);
}

// Scale and minimum (6 bits each) of sub-block j of a Q4_K or Q5_K block.
inline void k_scale_min(const uint8_t* scales, int j, int& scale, int& minimum) {
    if (j < 4) {
        scale = scales[j] & 63;
        minimum = scales[j + 4] & 63;
    } else {
        scale = (scales[j + 4] & 15) | ((scales[j - 4] >> 6) << 4);
        minimum = (scales[j + 4] >> 4) | ((scales[j] >> 6) << 4);
    }
}

}  // namespace aerie
