// Products of many rows, which another kernel takes than those of few: against float64, and with the bits of few rows.
#include <algorithm>

#include "cases_of_linear.h"
#include "sim/report.h"

namespace {

void expect_bits_of_few_rows(const TestWeight& weight, uint32_t rows) {
    const uint32_t cols = weight.weight.cols, n = weight.weight.rows;
    const std::vector<float> x = random_floats(size_t(rows) * cols, rows);
    sim::forget();
    const std::vector<float> all = linear(weight, x, kManyRows);
    if (sim::is_checked()) EXPECT(weight_bytes_read(weight) == (rows + 127) / 128 * weight.weight.bytes);
    for (uint32_t first = 0; first < rows; first += 50) {
        const uint32_t count = std::min(50u, rows - first);
        const auto from = x.begin() + ptrdiff_t(size_t(first) * cols);
        const std::vector<float> some(from, from + ptrdiff_t(size_t(count) * cols));
        EXPECT(same_bits(linear(weight, some).data(), &all[size_t(first) * n], size_t(count) * n));
    }
}

void expect_wide(aerie_format format, aerie_dtype dtype, uint32_t cols) {
    const TestWeight weight = make_weight({{format, 150}}, cols, dtype, 1);
    for (const uint32_t rows : {65u, 150u}) expect_bits_of_few_rows(weight, rows);
    const std::vector<float> x = random_floats(size_t(130) * cols, 3);
    expect_products(weight, x, linear(weight, x, kManyRows));
}

}  // namespace

CASE(linear_of_many_rows_bf16) {
    for (const uint32_t cols : {1u, 70u, 520u}) expect_wide(AERIE_FORMAT_BF16, AERIE_BF16, cols);
}
CASE(linear_of_many_rows_f16) { expect_wide(AERIE_FORMAT_F32, AERIE_F16, 84); }
CASE(linear_of_many_rows_f32) { expect_wide(AERIE_FORMAT_F32, AERIE_F32, 77); }
CASE(linear_of_many_rows_int8) { expect_wide(AERIE_FORMAT_F32, AERIE_INT8, 96); }
CASE(linear_of_many_rows_q4) {
    expect_wide(AERIE_FORMAT_Q4_0, AERIE_BF16, 32);
    expect_wide(AERIE_FORMAT_Q4_K, AERIE_BF16, 768);
}
CASE(linear_of_many_rows_q5) {
    expect_wide(AERIE_FORMAT_Q5_0, AERIE_BF16, 96);
    expect_wide(AERIE_FORMAT_Q5_1, AERIE_BF16, 544);
}
CASE(linear_of_many_rows_q6) { expect_wide(AERIE_FORMAT_Q6_K, AERIE_BF16, 256); }

CASE(linear_of_many_rows_of_several_formats) {
    const TestWeight weight =
        make_weight({{AERIE_FORMAT_Q4_K, 140}, {AERIE_FORMAT_Q6_K, 19}, {AERIE_FORMAT_F16, 33}}, 512, AERIE_BF16, 4);
    EXPECT(weight.packed().parts.size() == 3);
    expect_bits_of_few_rows(weight, 135);
}
