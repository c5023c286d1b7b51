#include "core/group_quantized.h"

#include <cmath>
#include <cstring>

#include "core/error.h"

namespace aerie {
namespace {

template <class T>
T load(const uint8_t* data, size_t index) {
    T value;
    memcpy(&value, data + index * sizeof value, sizeof value);
    return value;
}

constexpr uint32_t kPerWord = 8;  // 4 bit numbers

int nibble(uint32_t word, uint32_t place) { return int(word >> 4 * place & 15); }

// Where AWQ has the number of column c in its word: even columns first.
uint32_t awq_place(uint32_t column) { return column % kPerWord / 2 + column % 2 * 4; }

}  // namespace

float e4m3_to_f32(uint8_t bits) {
    const int exponent = bits >> 3 & 15, fraction = bits & 7;
    if ((bits & 0x7f) == 0x7f) return NAN;
    const float magnitude = exponent ? std::ldexp(float(8 + fraction), exponent - 10) : std::ldexp(float(fraction), -9);
    return bits & 0x80 ? -magnitude : magnitude;
}

aerie_format GroupQuantized::block_format() const {
    return has_8_bits() || !groups.empty() ? AERIE_FORMAT_Q8_0 : AERIE_FORMAT_Q4_1;
}

size_t GroupQuantized::number_bytes() const { return size_t(rows) * cols / (has_8_bits() ? 1 : 2); }

size_t GroupQuantized::scale_bytes() const {
    const size_t per_column = has_grid() ? (rows + group_rows - 1) / group_rows : rows;
    return per_column * num_groups() * block_size(scale_format).bytes;
}

size_t GroupQuantized::zero_bytes() const {
    if (has_grid() || layout == AERIE_QUANT_PACKED_INT8) return 0;
    return size_t((rows + kPerWord - 1) / kPerWord) * num_groups() * sizeof(uint32_t);
}

size_t GroupQuantized::group_bytes() const {
    if (has_grid() || layout == AERIE_QUANT_AWQ) return 0;
    return size_t(cols) * sizeof(int32_t);
}

void GroupQuantized::check(const char* op) const {
    if (cols % kBlockInputs) fail(AERIE_BAD_SHAPE, "%s: %u inputs, expected a multiple of %u", op, cols, kBlockInputs);
    if (!group_rows || !group_cols || (!has_grid() && (group_rows != 1 || group_cols % kBlockInputs)))
        fail(AERIE_BAD_SHAPE, "%s: groups of %u x %u values", op, group_rows, group_cols);
    if (!has_grid() && !is_packed() && rows % kPerWord)
        fail(AERIE_BAD_SHAPE, "%s: %u rows, expected a multiple of %u", op, rows, kPerWord);
    if (block_size(scale_format).elements != 1) fail(AERIE_UNSUPPORTED, "%s: scales are no floats", op);
}

void GroupQuantized::take_groups(const char* op, const uint8_t* tensor) {
    groups.resize(cols);
    memcpy(groups.data(), tensor, group_bytes());
    for (uint32_t input = 0; input < cols; ++input)
        if (groups[input] >= num_groups())
            fail(AERIE_BAD_SHAPE, "%s: input %u is in group %d of %u", op, input, int(groups[input]), num_groups());
}

uint32_t GroupQuantized::group_of(uint32_t input) const { return groups.empty() ? input / group_cols : groups[input]; }

float GroupQuantized::scale(uint32_t row, uint32_t group) const {
    size_t at = size_t(group) * rows + row;
    if (has_grid()) at = size_t(row / group_rows) * num_groups() + group;
    if (is_packed()) at = size_t(row) * num_groups() + group;
    float value;
    const BlockSize size = block_size(scale_format);
    dequantize(&value, scales + at * size.bytes, scale_format, 1);
    return value;
}

int GroupQuantized::zero(uint32_t row, uint32_t group) const {
    if (!zeros) return layout == AERIE_QUANT_INT8 ? 0 : layout == AERIE_QUANT_PACKED_INT8 ? 128 : 8;
    if (is_packed())
        return nibble(load<uint32_t>(zeros, size_t(row / kPerWord) * num_groups() + group), row % kPerWord);
    const uint32_t word = load<uint32_t>(zeros, size_t(group) * (rows / kPerWord) + row / kPerWord);
    if (layout == AERIE_QUANT_AWQ) return nibble(word, awq_place(row));
    // GPTQ's first format stores one less.
    const int stored = nibble(word, row % kPerWord);
    return layout == AERIE_QUANT_GPTQ ? (stored + 1) & 15 : stored;
}

void GroupQuantized::read_numbers(int* out, uint32_t row, uint32_t first) const {
    const size_t at = size_t(row) * cols + first;
    switch (layout) {
        case AERIE_QUANT_INT8:
            for (uint32_t i = 0; i < kBlockInputs; ++i) out[i] = load<int8_t>(numbers, at + i);
            return;
        case AERIE_QUANT_PACKED_INT8:
            for (uint32_t i = 0; i < kBlockInputs; ++i) out[i] = numbers[at + i];
            return;
        case AERIE_QUANT_AWQ:
            for (uint32_t i = 0; i < kBlockInputs; ++i)
                out[i] = nibble(load<uint32_t>(numbers, size_t(first + i) * (rows / kPerWord) + row / kPerWord),
                                awq_place(row));
            return;
        case AERIE_QUANT_PACKED_INT4:
        case AERIE_QUANT_GPTQ:
        case AERIE_QUANT_GPTQ_V2:
            for (uint32_t i = 0; i < kBlockInputs; i += kPerWord) {
                const size_t word = is_packed() ? (at + i) / kPerWord : size_t((first + i) / kPerWord) * rows + row;
                const uint32_t packed = load<uint32_t>(numbers, word);
                for (uint32_t place = 0; place < kPerWord; ++place) out[i + place] = nibble(packed, place);
            }
            return;
        case AERIE_QUANT_FP8_E4M3:
            break;
    }
    fail(AERIE_INTERNAL, "read_numbers: layout %d has none", int(layout));
}

void GroupQuantized::read_block(QuantizedBlock& out, uint32_t row, uint32_t index) const {
    const uint32_t first = index * kBlockInputs, group = group_of(first);
    const bool has_one_scale = groups.empty() && group_cols % kBlockInputs == 0;
    const float step = scale(row, group);
    float values[kBlockInputs];
    if (layout == AERIE_QUANT_FP8_E4M3) {
        for (uint32_t i = 0; i < kBlockInputs; ++i)
            values[i] = e4m3_to_f32(numbers[size_t(row) * cols + first + i]) *
                        (has_one_scale ? step : scale(row, group_of(first + i)));
        return quantize_block(out, values);
    }
    int quants[kBlockInputs];
    read_numbers(quants, row, first);
    if (has_one_scale) {
        const bool is_q4 = block_format() == AERIE_FORMAT_Q4_1;
        const int middle = zero(row, group), shift = is_q4 ? 0 : 128 - middle;
        out.scales[0] = f32_to_f16(step);
        if (is_q4) out.minimum = f32_to_f16(-step * float(middle));
        for (uint32_t i = 0; i < kBlockInputs; ++i) out.quants[i] = uint8_t(quants[i] + shift);
        return;
    }
    for (uint32_t i = 0; i < kBlockInputs; ++i) {
        const uint32_t each = group_of(first + i);
        values[i] = float(quants[i] - zero(row, each)) * scale(row, each);
    }
    quantize_block(out, values);
}

void read_block(QuantizedBlock& out, const WeightPart& part, uint32_t row, uint32_t index) {
    if (part.groups) return part.groups->read_block(out, row, index);
    read_block(out, part.row(row), part.format, index);
}

}  // namespace aerie
