// How weights lie in device memory: units of 16 rows by 16 or 32 inputs, in the order in which a warp feeds them to
// mma.m16n8k16. Read by the packer on the host and by kernels.
//
// Units of the same 16 rows follow each other with ascending inputs, then those of the next 16 rows; what a unit has
// beyond the weight is zeros. Of each 16 inputs, lane 4 * g + t of the warp holds inputs 4t .. 4t + 3 of rows g and
// g + 8: the registers of lane t are filled in this order, for weights and x alike, so that four inputs that are
// neighbours in memory stay together. Which of a group's 16 products sits in which register changes no sum on a device
// that adds them all at once (sm_90), and none between kernels, which all read units.
#pragma once
#include <cstdint>

#include "core/batch_layout.h"
#include "core/quantized_block.h"

namespace aerie::cuda {

// What a unit holds. Quantised: value = scale * (quant - zero_point) (+ minimum), scale and minimum f16 per 32 inputs,
// of q6 a scale per 16.
enum class UnitFormat : uint8_t {
    f32,     // 16 inputs: [16 inputs, 16 rows]
    f16,     // 16 inputs: [lane, row g and g + 8, 4 inputs]
    bf16,    // the same
    q4,      // Q4_0
    q4_min,  // Q4_1, Q4_K
    q5,      // Q5_0
    q5_min,  // Q5_1, Q5_K
    q6,      // Q6_K
    q8,      // Q8_0 and int8; Q2_K, Q3_K, IQ4_NL, IQ4_XS and MXFP4, as core/quantized_block.h reads them
};

constexpr uint32_t kUnitRows = 16, kHalfInputs = 16;

// Bits, zero point and places of a quantised format: [lane, row g and g + 8, 8 or 4 bits of 8 inputs], then the further
// bits of q5 and q6 in the same order, then f16 [scales, 16 rows], then f16 minima [16 rows].
struct QuantizedLayout {
    uint32_t bits, zero_point, num_scales;
    bool has_minimum;

    AERIE_HOST_DEVICE constexpr uint32_t low_bits() const { return bits == 8 ? 8 : 4; }
    AERIE_HOST_DEVICE constexpr uint32_t high_at() const { return 64 * low_bits(); }
    AERIE_HOST_DEVICE constexpr uint32_t scales_at() const { return 64 * bits; }
    AERIE_HOST_DEVICE constexpr uint32_t minima_at() const { return scales_at() + 2 * kUnitRows * num_scales; }
    AERIE_HOST_DEVICE constexpr uint32_t bytes() const { return minima_at() + (has_minimum ? 2 * kUnitRows : 0); }
};

AERIE_HOST_DEVICE constexpr bool is_quantized(UnitFormat format) { return format >= UnitFormat::q4; }

AERIE_HOST_DEVICE constexpr QuantizedLayout quantized_layout(UnitFormat format) {
    switch (format) {
        case UnitFormat::q4:
            return {4, 8, 1, false};
        case UnitFormat::q4_min:
            return {4, 0, 1, true};
        case UnitFormat::q5:
            return {5, 16, 1, false};
        case UnitFormat::q5_min:
            return {5, 0, 1, true};
        case UnitFormat::q6:
            return {6, 32, 2, false};
        default:
            return {8, 128, 1, false};
    }
}

AERIE_HOST_DEVICE constexpr uint32_t unit_cols(UnitFormat format) {
    return is_quantized(format) ? kBlockInputs : kHalfInputs;
}
AERIE_HOST_DEVICE constexpr uint32_t unit_bytes(UnitFormat format) {
    if (is_quantized(format)) return quantized_layout(format).bytes();
    return kUnitRows * kHalfInputs * (format == UnitFormat::f32 ? 4 : 2);
}
AERIE_HOST_DEVICE constexpr uint32_t num_units(uint32_t cols, UnitFormat format) {
    return (cols + unit_cols(format) - 1) / unit_cols(format);
}
// Bytes of `rows` rows, all units of the last 16 included.
AERIE_HOST_DEVICE constexpr uint64_t packed_bytes(UnitFormat format, uint32_t rows, uint32_t cols) {
    return uint64_t(rows + kUnitRows - 1) / kUnitRows * num_units(cols, format) * unit_bytes(format);
}

// The byte of a float unit where input k of row r lies; r and k count from the unit's first.
AERIE_HOST_DEVICE constexpr uint32_t float_at(UnitFormat format, uint32_t r, uint32_t k) {
    if (format == UnitFormat::f32) return (k * kUnitRows + r) * 4;
    return (r % 8 * 4 + k / 4) * 16 + r / 8 * 8 + k % 4 * 2;
}

// The place of a quant among a unit's: [lane, row g and g + 8, 8 inputs].
AERIE_HOST_DEVICE constexpr uint32_t quant_place(uint32_t r, uint32_t k) {
    return (r % 8 * 4 + k % 16 / 4) * 16 + r / 8 * 8 + k / 16 * 4 + k % 4;
}

// Input k of row r of a quantised unit, zero point included.
AERIE_HOST_DEVICE constexpr uint32_t quant_of(QuantizedLayout layout, const uint8_t* unit, uint32_t r, uint32_t k) {
    const uint32_t place = quant_place(r, k);
    if (layout.bits == 8) return unit[place];
    const uint32_t low = unit[place / 2] >> place % 2 * 4 & 15;
    if (layout.bits == 4) return low;
    const uint32_t extra = layout.bits - 4, per_byte = 8 / extra;
    const uint32_t high = unit[layout.high_at() + place / per_byte] >> place % per_byte * extra;
    return low | (high & ((1u << extra) - 1)) << 4;
}

// Into how many slices of its inputs a weight's products are cut for more parallel work: by the weight's shape alone,
// so that no sum depends on the rows of x. Slices are whole 64 inputs, as equal as that allows.
constexpr uint32_t kSliceInputs = 64, kMostSlices = 4;
constexpr uint32_t num_slices(UnitFormat format, uint32_t rows, uint32_t cols) {
    return format != UnitFormat::f32 && rows < 16384 && cols >= 512 ? kMostSlices : 1;
}

}  // namespace aerie::cuda
