#include "core/quantized_block.h"

#include <algorithm>
#include <cmath>
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

void nibbles(uint8_t* quants, const uint8_t* packed) {
    for (int i = 0; i < 16; ++i) {
        quants[i] = packed[i] & 15;
        quants[i + 16] = packed[i] >> 4;
    }
}

void add_fifth_bits(uint8_t* quants, const uint8_t* packed) {
    uint32_t bits;
    memcpy(&bits, packed, 4);
    for (int i = 0; i < 32; ++i) quants[i] |= uint8_t((bits >> i & 1) << 4);
}

// Sub-block `sub_block` of a 256-value Q4_K or Q5_K block.
void k_block(QuantizedBlock& out, const uint8_t* b, uint32_t sub_block, bool five_bits) {
    int scale, minimum;
    k_scale_min(b + 4, int(sub_block), scale, minimum);
    out.scales[0] = f32_to_f16(f16_to_f32(u16(b)) * float(scale));
    out.minimum = f32_to_f16(-f16_to_f32(u16(b + 2)) * float(minimum));
    const uint8_t* q = b + (five_bits ? 48 : 16) + sub_block / 2 * 32;
    for (int i = 0; i < 32; ++i) {
        out.quants[i] = sub_block % 2 ? q[i] >> 4 : q[i] & 15;
        if (five_bits) out.quants[i] |= uint8_t((b[16 + i] >> sub_block & 1) << 4);
    }
}

void q6_k_block(QuantizedBlock& out, const uint8_t* b, uint32_t sub_block) {
    const uint32_t half = sub_block / 4, quarter = sub_block % 4;
    const uint8_t *low = b + half * 64 + quarter % 2 * 32, *high = b + 128 + half * 32;
    const auto* scales = reinterpret_cast<const int8_t*>(b + 192 + half * 8 + 2 * quarter);
    const float d = f16_to_f32(u16(b + 208));
    for (int i = 0; i < 2; ++i) out.scales[i] = f32_to_f16(d * float(scales[i]));
    for (int i = 0; i < 32; ++i)
        out.quants[i] = uint8_t((quarter < 2 ? low[i] & 15 : low[i] >> 4) | (high[i] >> 2 * quarter & 3) << 4);
}

// In 8 bits with one scale: Q2_K, whose 16 values each have a minimum of their own, is quantised anew; the others are
// such numbers, if need be with the sign at the scale.
void low_bit_block(QuantizedBlock& out, const uint8_t* b, aerie_format format, uint32_t run) {
    if (format == AERIE_FORMAT_Q2_K) {
        float values[kBlockInputs];
        read_run(values, b, format, run);
        return quantize_block(out, values);
    }
    ScaledNumbers all;
    read_numbers(all, b, format, run);
    const bool turns = *std::max_element(all.numbers, all.numbers + kRunValues) > 127;
    out.scales[0] = f32_to_f16(turns ? -all.scale : all.scale);
    for (uint32_t i = 0; i < kRunValues; ++i) out.quants[i] = uint8_t(128 + (turns ? -all.numbers[i] : all.numbers[i]));
}

}  // namespace

void quantize_block(QuantizedBlock& out, const float* values) {
    float largest = 0;
    for (uint32_t i = 0; i < kBlockInputs; ++i) largest = std::max(largest, std::fabs(values[i]));
    out.scales[0] = f32_to_f16(largest / 127.0f);
    const float scale = f16_to_f32(out.scales[0]);
    for (uint32_t i = 0; i < kBlockInputs; ++i) {
        const float q = scale > 0 ? std::nearbyint(values[i] / scale) : 0.0f;
        out.quants[i] = uint8_t(int(std::clamp(q, -127.0f, 127.0f)) + 128);
    }
}

void read_block(QuantizedBlock& out, const uint8_t* row, aerie_format format, uint32_t index) {
    const BlockSize size = block_size(format);
    const uint32_t per = size.elements / kBlockInputs;
    const uint8_t* b = row + size_t(index / per) * size.bytes;
    switch (format) {
        case AERIE_FORMAT_Q4_0:
        case AERIE_FORMAT_Q4_1:
        case AERIE_FORMAT_Q5_0:
        case AERIE_FORMAT_Q5_1: {
            const bool five = format >= AERIE_FORMAT_Q5_0;
            const bool has_minimum = format == AERIE_FORMAT_Q4_1 || format == AERIE_FORMAT_Q5_1;
            out.scales[0] = u16(b);
            b += 2;
            if (has_minimum) {
                out.minimum = u16(b);
                b += 2;
            }
            nibbles(out.quants, five ? b + 4 : b);
            if (five) add_fifth_bits(out.quants, b);
            return;
        }
        case AERIE_FORMAT_Q8_0:
            out.scales[0] = u16(b);
            for (uint32_t i = 0; i < kBlockInputs; ++i) out.quants[i] = b[2 + i] ^ 0x80;
            return;
        case AERIE_FORMAT_Q4_K:
        case AERIE_FORMAT_Q5_K:
            return k_block(out, b, index % per, format == AERIE_FORMAT_Q5_K);
        case AERIE_FORMAT_Q6_K:
            return q6_k_block(out, b, index % per);
        case AERIE_FORMAT_Q2_K:
        case AERIE_FORMAT_Q3_K:
        case AERIE_FORMAT_IQ4_NL:
        case AERIE_FORMAT_IQ4_XS:
        case AERIE_FORMAT_MXFP4:
            return low_bit_block(out, b, format, index % per);
        default:
            fail(AERIE_INTERNAL, "read_block: format %d is not quantised", int(format));
    }
}

}  // namespace aerie
