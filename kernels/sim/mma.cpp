#include "sim/mma.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#if defined(__x86_64__)
#define AERIE_SIM_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define AERIE_SIM_CLONES
#endif

namespace aerie::sim {
namespace {

constexpr uint32_t kNan = 0x7fffffff;

// A column of results side by side.
constexpr int kCols = 8;
using Ints = int32_t __attribute__((vector_size(kCols * sizeof(int32_t))));

struct Format {
    int fraction_bits, min_exponent, max_field;
};
constexpr Format kFormats[] = {{7, -126, 255}, {10, -14, 31}};

// Takes numbers apart into significand * 2^(exponent - fraction_bits); gives whether all are finite.
AERIE_SIM_CLONES
bool decode(const uint16_t* bits, int count, int fraction_bits, int min_exponent, int max_field, int32_t* significands,
            int32_t* exponents) {
    int num_special = 0;
    for (int i = 0; i < count; ++i) {
        const int fraction = bits[i] & ((1 << fraction_bits) - 1), field = (bits[i] & 0x7fff) >> fraction_bits;
        const int magnitude = fraction | (field > 0) << fraction_bits, sign = -(bits[i] >> 15);
        significands[i] = (magnitude ^ sign) - sign;
        exponents[i] = field - (field > 0) + min_exponent;
        num_special += field == max_field;
    }
    return num_special == 0;
}

float value_of(uint16_t bits, Half type) {
    const Format& format = kFormats[int(type)];
    int32_t significand, exponent;
    if (decode(&bits, 1, format.fraction_bits, format.min_exponent, format.max_field, &significand, &exponent)) {
        return std::ldexp(float(significand), exponent - format.fraction_bits);
    }
    if (bits & ((1 << format.fraction_bits) - 1)) return NAN;
    return bits & 0x8000 ? -INFINITY : INFINITY;
}

// 2^exponent within the exponents of doubles.
inline __attribute__((always_inline)) double power_of_two(int exponent) {
    return __builtin_bit_cast(double, uint64_t(1023 + exponent) << 52);
}

// sum * 2^exponent, cut off to fp32.
inline __attribute__((always_inline)) float cut(int64_t sum, int exponent) {
    if (sum == 0) return 0;
    const bool is_negative = sum < 0;
    uint64_t magnitude = uint64_t(is_negative ? -sum : sum);
    int top = 63 - __builtin_clzll(magnitude);
    // Bits below the last of a float of this size.
    const int lost = std::max(top - 23, -149 - exponent);
    if (lost > 0) {
        magnitude = lost > 63 ? 0 : magnitude >> lost << lost;
        if (magnitude == 0) return 0;
        top = 63 - __builtin_clzll(magnitude);
    }
    if (top + exponent > 127) return is_negative ? -INFINITY : INFINITY;
    const double value = double(magnitude) * power_of_two(exponent);
    return float(is_negative ? -value : value);
}

// With an infinity or something that is no number among the terms.
float special(const float* a, const float* b, int count, int stride, float c) {
    float sum = std::isfinite(c) ? 0 : c;
    for (int k = 0; k < count; ++k) {
        const float product = a[k] * b[k * stride];
        if (!std::isfinite(a[k]) || !std::isfinite(b[k * stride])) sum += product;
    }
    if (!std::isnan(sum)) return sum;
    float nan;
    memcpy(&nan, &kNan, sizeof nan);
    return nan;
}

struct Operands {
    int32_t a[16][16], a_exponent[16][16];
    Ints b[16], b_exponent[16];
};

// One row of sums over `count` products from `first` on, and their addend, at `fraction_bits`.
AERIE_SIM_CLONES
void sum_row(const Operands& operands, int row, int first, int count, int product_bits, int fraction_bits,
             int zero_exponent, float* d) {
    Ints products[16], exponents[16];
    Ints addend, addend_exponent;
    for (int col = 0; col < kCols; ++col) {
        uint32_t bits;
        memcpy(&bits, &d[col], sizeof bits);
        const int field = int(bits >> 23 & 0xff), magnitude = int(bits & 0x7fffff) | (field ? 1 << 23 : 0);
        addend[col] = bits >> 31 ? -magnitude : magnitude;
        addend_exponent[col] = magnitude ? std::max(field - 1, 0) - 126 : zero_exponent;
    }
    Ints top = addend_exponent;
    for (int k = 0; k < count; ++k) {
        products[k] = operands.b[first + k] * operands.a[row][first + k];
        const Ints exponent = operands.b_exponent[first + k] + operands.a_exponent[row][first + k];
        exponents[k] = products[k] == 0 ? zero_exponent - Ints{} : exponent;
        top = exponents[k] > top ? exponents[k] : top;
    }
    const auto align = [&](Ints value, Ints exponent, int bits) {
        const Ints sign = value >> 31, distance = top - exponent;
        const Ints magnitude = ((value ^ sign) - sign) << (fraction_bits - bits);
        const Ints kept = distance > 31 ? Ints{} : magnitude >> (distance & 31);
        return (kept ^ sign) - sign;
    };
    // Eight terms of less than 2^27 and an addend of less than 2^26 fit into 32 bits, 16 do not.
    Ints sums[2] = {align(addend, addend_exponent, 23), Ints{}};
    for (int k = 0; k < count; ++k) sums[k / 8] += align(products[k], exponents[k], product_bits);
    for (int col = 0; col < kCols; ++col) {
        d[col] = cut(int64_t(sums[0][col]) + sums[1][col], top[col] - fraction_bits);
    }
}

}  // namespace

void multiply_add(Rounding rounding, Half type, const uint16_t (&a)[16][16], const uint16_t (&b)[16][8],
                  float (&d)[16][8]) {
    const Format& format = kFormats[int(type)];
    Operands operands;
    const auto decode_all = [&](const uint16_t* bits, int count, int32_t* significands, int32_t* exponents) {
        return decode(bits, count, format.fraction_bits, format.min_exponent, format.max_field, significands,
                      exponents);
    };
    bool any_special = !decode_all(a[0], 16 * 16, operands.a[0], operands.a_exponent[0]);
    any_special |= !decode_all(b[0], 16 * kCols, reinterpret_cast<int32_t*>(operands.b),
                               reinterpret_cast<int32_t*>(operands.b_exponent));
    float values_a[16][16], values_b[16][8];
    if (any_special) {
        for (int k = 0; k < 16; ++k) {
            for (int row = 0; row < 16; ++row) values_a[row][k] = value_of(a[row][k], type);
            for (int col = 0; col < kCols; ++col) values_b[k][col] = value_of(b[k][col], type);
        }
    }
    const int count = rounding == Rounding::whole ? 16 : 8, fraction_bits = rounding == Rounding::whole ? 25 : 24;
    // The exponent of a zero term, below that of every other.
    const int zero_exponent = rounding == Rounding::whole ? -133 : -132;
    for (int row = 0; row < 16; ++row) {
        for (int first = 0; first < 16; first += count) {
            float before[kCols];
            memcpy(before, d[row], sizeof before);
            sum_row(operands, row, first, count, 2 * format.fraction_bits, fraction_bits, zero_exponent, d[row]);
            for (int col = 0; col < kCols; ++col) {
                if (!any_special && std::isfinite(before[col])) continue;
                bool is_special = !std::isfinite(before[col]);
                for (int k = first; any_special && k < first + count; ++k) {
                    is_special |= !std::isfinite(values_a[row][k]) || !std::isfinite(values_b[k][col]);
                }
                if (!is_special) continue;
                static constexpr float kNone[16 * kCols] = {};
                d[row][col] = any_special
                                  ? special(&values_a[row][first], &values_b[first][col], count, kCols, before[col])
                                  : special(kNone, kNone, count, kCols, before[col]);
            }
        }
    }
}

}  // namespace aerie::sim
