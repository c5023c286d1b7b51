// Blocks of 32 quantised values, read from the blocks of a file: what backends pack.
#pragma once
#include "core/formats.h"

namespace aerie {

constexpr uint32_t kBlockInputs = 32;

// 32 inputs of one row: quants in input order, zero point included.
struct QuantizedBlock {
    uint8_t quants[kBlockInputs];
    uint16_t scales[2] = {}, minimum = 0;  // f16; two scales: of 16 inputs each
};

// Block `index` of a row of a quantised format.
void read_block(QuantizedBlock& out, const uint8_t* row, aerie_format format, uint32_t index);

// 32 values to 8 bits with one scale.
void quantize_block(QuantizedBlock& out, const float* values);

}  // namespace aerie
