#include "core/low_bit_formats.h"

#include <cmath>
#include <cstring>

#include "core/formats.h"

namespace aerie {
namespace {

// What four bits stand for in IQ4_NL and IQ4_XS, and in MXFP4: there the doubled numbers of E2M1.
constexpr int8_t kUneven[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr int8_t kE2m1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

float half_at(const uint8_t* p) {
    uint16_t bits;
    memcpy(&bits, p, 2);
    return f16_to_f32(bits);
}

// Low halves of 16 bytes, then high halves.
void look_up(int16_t* out, const uint8_t* nibbles, const int8_t* table) {
    for (int i = 0; i < 16; ++i) {
        out[i] = table[nibbles[i] & 15];
        out[i + 16] = table[nibbles[i] >> 4];
    }
}

// Two bits of 32 bytes for each run of a half of a block of 256.
uint32_t two_bits(const uint8_t* quants, uint32_t run, uint32_t i) {
    return quants[run / 4 * 32 + i] >> run % 4 * 2 & 3;
}

// Six bits for each 16 values of Q3_K, less 32: four low ones in eight bytes, two high ones in four more.
int q3_k_scale(const uint8_t* scales, uint32_t at) {
    const uint32_t low = at < 8 ? scales[at] & 15 : scales[at - 8] >> 4;
    const uint32_t high = scales[8 + at % 4] >> at / 4 * 2 & 3;
    return int(low | high << 4) - 32;
}

void q3_k(ScaledNumbers& out, const uint8_t* block, uint32_t run) {
    out.scale = half_at(block + 108);
    for (uint32_t i = 0; i < kRunValues; ++i) {
        const int quant = int(two_bits(block + 32, run, i)) - (block[i] >> run & 1 ? 0 : 4);
        out.numbers[i] = int16_t(quant * q3_k_scale(block + 96, 2 * run + i / 16));
    }
}

void iq4_xs(ScaledNumbers& out, const uint8_t* block, uint32_t run) {
    uint16_t high;
    memcpy(&high, block + 2, 2);
    const int scale = int((block[4 + run / 2] >> run % 2 * 4 & 15) | (high >> 2 * run & 3) << 4) - 32;
    out.scale = half_at(block) * float(scale);
    look_up(out.numbers, block + 8 + 16 * run, kUneven);
}

void q2_k(float* out, const uint8_t* block, uint32_t run) {
    const float d = half_at(block + 80), m = half_at(block + 82);
    for (uint32_t i = 0; i < kRunValues; ++i) {
        const uint32_t both = block[2 * run + i / 16];
        out[i] = d * float(both & 15) * float(two_bits(block + 16, run, i)) - m * float(both >> 4);
    }
}

}  // namespace

void read_numbers(ScaledNumbers& out, const uint8_t* block, aerie_format format, uint32_t run) {
    if (format == AERIE_FORMAT_Q3_K) return q3_k(out, block, run);
    if (format == AERIE_FORMAT_IQ4_XS) return iq4_xs(out, block, run);
    if (format == AERIE_FORMAT_IQ4_NL) {
        out.scale = half_at(block);
        return look_up(out.numbers, block + 2, kUneven);
    }
    out.scale = std::ldexp(1.0f, int(block[0]) - 128);
    look_up(out.numbers, block + 1, kE2m1);
}

void read_run(float* out, const uint8_t* block, aerie_format format, uint32_t run) {
    if (format == AERIE_FORMAT_Q2_K) return q2_k(out, block, run);
    ScaledNumbers all;
    read_numbers(all, block, format, run);
    for (uint32_t i = 0; i < kRunValues; ++i) out[i] = all.scale * float(all.numbers[i]);
}

}  // namespace aerie
