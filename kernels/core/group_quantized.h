// Matrices of quantisers' safetensors checkpoints: numbers, scales, zero points and the order of groups are tensors of
// their own. Backends read such a matrix as blocks of 32, which they pack like those of a GGUF file.
#pragma once
#include <memory>
#include <vector>

#include "core/objects.h"
#include "core/quantized_block.h"

namespace aerie {

// One matrix [rows, cols]. A value is (number - zero point) * scale of its group. Layouts: aerie_quant_layout.
struct GroupQuantized {
    aerie_quant_layout layout;
    uint32_t rows = 0, cols = 0;
    uint32_t group_rows = 0, group_cols = 0;  // what one scale is for; group_rows of layouts with a grid of scales only
    aerie_format scale_format = AERIE_FORMAT_F32;
    const uint8_t *numbers = nullptr, *scales = nullptr;
    const uint8_t* zeros = nullptr;              // null: the middle of the range
    std::vector<uint32_t> groups;                // of each input; empty: in order
    std::vector<std::shared_ptr<File>> sources;  // of all four, until the weight is packed

    uint32_t num_groups() const { return (cols + group_cols - 1) / group_cols; }
    // What blocks it yields: Q4_1, exact but for the minimum's 11 bits, or Q8_0: exact but for the scale's 11 bits
    // where 32 inputs share a scale of 8 bit numbers, else quantised anew.
    aerie_format block_format() const;
    // Bytes of each tensor; 0 for one that the layout cannot have.
    size_t number_bytes() const;
    size_t scale_bytes() const;
    size_t zero_bytes() const;
    size_t group_bytes() const;
    // Throws AERIE_BAD_SHAPE for sizes that the layout cannot have.
    void check(const char* op) const;
    // Takes the groups [cols] from a file, which may change behind its check. Throws AERIE_BAD_SHAPE for one that there
    // is not.
    void take_groups(const char* op, const uint8_t* tensor);

    void read_block(QuantizedBlock& out, uint32_t row, uint32_t index) const;

  private:
    bool has_grid() const { return layout == AERIE_QUANT_FP8_E4M3 || layout == AERIE_QUANT_INT8; }
    bool is_packed() const { return layout == AERIE_QUANT_PACKED_INT4 || layout == AERIE_QUANT_PACKED_INT8; }
    bool has_8_bits() const { return has_grid() || layout == AERIE_QUANT_PACKED_INT8; }
    uint32_t group_of(uint32_t input) const;
    float scale(uint32_t row, uint32_t group) const;
    int zero(uint32_t row, uint32_t group) const;
    // Inputs first .. first + 31 of a row.
    void read_numbers(int* out, uint32_t row, uint32_t first) const;
};

// The value of an 8 bit float of 4 exponent and 3 fraction bits without infinities (OCP 8-bit Floating Point, E4M3).
float e4m3_to_f32(uint8_t bits);

// Block `index` of row `row` of a part in a quantised format, be it of blocks or of groups.
void read_block(QuantizedBlock& out, const WeightPart& part, uint32_t row, uint32_t index);

}  // namespace aerie
