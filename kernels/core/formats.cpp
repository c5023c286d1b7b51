#include "core/formats.h"

#include <cstring>

#include "core/error.h"
#include "core/low_bit_formats.h"

namespace aerie {
namespace {

uint16_t u16(const uint8_t* p) {
    uint16_t v;
    memcpy(&v, p, 2);
    return v;
}
float half(const uint8_t* p) { return f16_to_f32(u16(p)); }

void q4_0(float* out, const uint8_t* b) {
    const float d = half(b);
    for (int i = 0; i < 16; ++i) {
        out[i] = d * float((b[2 + i] & 15) - 8);
        out[i + 16] = d * float((b[2 + i] >> 4) - 8);
    }
}

void q4_1(float* out, const uint8_t* b) {
    const float d = half(b), m = half(b + 2);
    for (int i = 0; i < 16; ++i) {
        out[i] = d * float(b[4 + i] & 15) + m;
        out[i + 16] = d * float(b[4 + i] >> 4) + m;
    }
}

// The fifth bits of a Q5_0 or Q5_1 block: bit i belongs to element i.
uint32_t fifth_bits(const uint8_t* p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

void q5_0(float* out, const uint8_t* b) {
    const float d = half(b);
    const uint32_t high = fifth_bits(b + 2);
    for (int i = 0; i < 16; ++i) {
        out[i] = d * float(int((b[6 + i] & 15) | ((high >> i & 1) << 4)) - 16);
        out[i + 16] = d * float(int((b[6 + i] >> 4) | ((high >> (i + 16) & 1) << 4)) - 16);
    }
}

void q5_1(float* out, const uint8_t* b) {
    const float d = half(b), m = half(b + 2);
    const uint32_t high = fifth_bits(b + 4);
    for (int i = 0; i < 16; ++i) {
        out[i] = d * float((b[8 + i] & 15) | ((high >> i & 1) << 4)) + m;
        out[i + 16] = d * float((b[8 + i] >> 4) | ((high >> (i + 16) & 1) << 4)) + m;
    }
}

void q8_0(float* out, const uint8_t* b) {
    const float d = half(b);
    for (int i = 0; i < 32; ++i) out[i] = d * float(int8_t(b[2 + i]));
}

void q4_k(float* out, const uint8_t* b) {
    const float d = half(b), m = half(b + 2);
    for (int j = 0; j < 8; ++j) {
        int scale, minimum;
        k_scale_min(b + 4, j, scale, minimum);
        const uint8_t* q = b + 16 + j / 2 * 32;
        for (int i = 0; i < 32; ++i)
            out[j * 32 + i] = d * float(scale) * float(j % 2 ? q[i] >> 4 : q[i] & 15) - m * float(minimum);
    }
}

void q5_k(float* out, const uint8_t* b) {
    const float d = half(b), m = half(b + 2);
    const uint8_t* high = b + 16;
    for (int j = 0; j < 8; ++j) {
        int scale, minimum;
        k_scale_min(b + 4, j, scale, minimum);
        const uint8_t* q = b + 48 + j / 2 * 32;
        for (int i = 0; i < 32; ++i) {
            const int value = (j % 2 ? q[i] >> 4 : q[i] & 15) | (high[i] >> j & 1) << 4;
            out[j * 32 + i] = d * float(scale) * float(value) - m * float(minimum);
        }
    }
}

void q6_k(float* out, const uint8_t* b) {
    const float d = half(b + 208);
    for (int n = 0; n < 2; ++n) {
        const uint8_t *low = b + n * 64, *high = b + 128 + n * 32;
        const int8_t* scales = reinterpret_cast<const int8_t*>(b + 192 + n * 8);
        for (int i = 0; i < 32; ++i)
            for (int quarter = 0; quarter < 4; ++quarter) {
                const uint8_t byte = low[i + (quarter & 1) * 32];
                const int q = (quarter < 2 ? byte & 15 : byte >> 4) | (high[i] >> (2 * quarter) & 3) << 4;
                out[n * 128 + quarter * 32 + i] = d * float(scales[i / 16 + 2 * quarter]) * float(q - 32);
            }
    }
}

}  // namespace

float f16_to_f32(uint16_t h) {
    const uint32_t sign = uint32_t(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023;
    uint32_t word;
    if (exponent == 31) {
        word = sign | 0x7f800000 | fraction << 13;
    } else if (exponent) {
        word = sign | (exponent + 112) << 23 | fraction << 13;
    } else {
        const float value = float(fraction) * 0x1p-24f;
        memcpy(&word, &value, 4);
        word |= sign;
    }
    float value;
    memcpy(&value, &word, 4);
    return value;
}

uint16_t f32_to_f16(float value) {
    uint32_t word;
    memcpy(&word, &value, 4);
    const uint16_t sign = uint16_t(word >> 16 & 0x8000);
    word &= 0x7fffffff;
    if (word > 0x7f800000) return sign | 0x7e00;
    if (word >= 0x477ff000) return sign | 0x7c00;
    if (word < 0x38800000) {  // subnormal: adding 0.5 leaves the rounded fraction in the low bits
        float magnitude;
        memcpy(&magnitude, &word, 4);
        magnitude += 0.5f;
        memcpy(&word, &magnitude, 4);
        return uint16_t(sign | (word - 0x3f000000));
    }
    return uint16_t(sign | ((word + 0xfff + (word >> 13 & 1)) - 0x38000000) >> 13);
}

BlockSize block_size(aerie_format format) {
    switch (format) {
        case AERIE_FORMAT_F32:
            return {1, 4};
        case AERIE_FORMAT_F16:
        case AERIE_FORMAT_BF16:
            return {1, 2};
        case AERIE_FORMAT_Q4_0:
            return {32, 18};
        case AERIE_FORMAT_Q4_1:
            return {32, 20};
        case AERIE_FORMAT_Q5_0:
            return {32, 22};
        case AERIE_FORMAT_Q5_1:
            return {32, 24};
        case AERIE_FORMAT_Q8_0:
            return {32, 34};
        case AERIE_FORMAT_Q4_K:
            return {256, 144};
        case AERIE_FORMAT_Q5_K:
            return {256, 176};
        case AERIE_FORMAT_Q6_K:
            return {256, 210};
        case AERIE_FORMAT_Q2_K:
            return {256, 84};
        case AERIE_FORMAT_Q3_K:
            return {256, 110};
        case AERIE_FORMAT_IQ4_NL:
            return {32, 18};
        case AERIE_FORMAT_IQ4_XS:
            return {256, 136};
        case AERIE_FORMAT_MXFP4:
            return {32, 17};
    }
    fail(AERIE_UNSUPPORTED, "format: %d is unknown", int(format));
}

size_t format_bytes(aerie_format format, size_t count) {
    const BlockSize block = block_size(format);
    if (count % block.elements)
        fail(AERIE_BAD_SHAPE, "format: %zu elements are not whole blocks of %u", count, block.elements);
    return count / block.elements * block.bytes;
}

void narrow(void* out, const float* values, size_t count, aerie_dtype dtype) {
    if (dtype == AERIE_F32) {
        memcpy(out, values, count * sizeof(float));
        return;
    }
    auto* halves = static_cast<uint16_t*>(out);
    for (size_t i = 0; i < count; ++i) halves[i] = dtype == AERIE_F16 ? f32_to_f16(values[i]) : f32_to_bf16(values[i]);
}

void widen(float* out, const void* values, size_t count, aerie_dtype dtype) {
    if (dtype == AERIE_F32) {
        memcpy(out, values, count * sizeof(float));
        return;
    }
    const auto* halves = static_cast<const uint16_t*>(values);
    for (size_t i = 0; i < count; ++i) out[i] = dtype == AERIE_F16 ? f16_to_f32(halves[i]) : bf16_to_f32(halves[i]);
}

void dequantize(float* out, const uint8_t* data, aerie_format format, size_t count) {
    const BlockSize block = block_size(format);
    for (size_t i = 0; i < count; i += block.elements, data += block.bytes, out += block.elements) switch (format) {
            case AERIE_FORMAT_F32:
                memcpy(out, data, 4);
                break;
            case AERIE_FORMAT_F16:
                *out = half(data);
                break;
            case AERIE_FORMAT_BF16:
                *out = bf16_to_f32(u16(data));
                break;
            case AERIE_FORMAT_Q4_0:
                q4_0(out, data);
                break;
            case AERIE_FORMAT_Q4_1:
                q4_1(out, data);
                break;
            case AERIE_FORMAT_Q5_0:
                q5_0(out, data);
                break;
            case AERIE_FORMAT_Q5_1:
                q5_1(out, data);
                break;
            case AERIE_FORMAT_Q8_0:
                q8_0(out, data);
                break;
            case AERIE_FORMAT_Q4_K:
                q4_k(out, data);
                break;
            case AERIE_FORMAT_Q5_K:
                q5_k(out, data);
                break;
            case AERIE_FORMAT_Q6_K:
                q6_k(out, data);
                break;
            default:
                for (uint32_t run = 0; run < block.elements / kRunValues; ++run)
                    read_run(out + run * kRunValues, data, format, run);
        }
}

}  // namespace aerie
