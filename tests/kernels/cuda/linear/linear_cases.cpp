// Products against float64, and their bits against each other.
#include <cmath>
#include <limits>

#include "cases_of_linear.h"

namespace {

// Rows and columns of weights: within a unit, across units, and further than the ring reaches, without slices and with.
constexpr uint32_t kShapes[][2] = {{1, 1}, {17, 33}, {130, 68}, {20, 420}, {35, 1283}};

void expect_agreement(aerie_format format, aerie_dtype dtype) {
    for (const auto [n, cols] : kShapes) {
        const TestWeight weight = make_weight({{format, n}}, cols, dtype, n);
        for (const uint32_t rows : {1u, 17u, 63u, 64u, 65u, 300u}) {
            if (rows > 65 ? n != 17 : rows > 17 && rows < 65 && cols > 100) continue;
            const std::vector<float> x = random_floats(size_t(rows) * cols, rows);
            expect_products(weight, x, linear(weight, x));
        }
        EXPECT(linear(weight, {}).empty());
        EXPECT(linear(weight, {}, 64).empty());
    }
}

}  // namespace

CASE(linear_bf16_agrees) { expect_agreement(AERIE_FORMAT_BF16, AERIE_BF16); }
CASE(linear_f16_agrees) { expect_agreement(AERIE_FORMAT_F32, AERIE_F16); }
CASE(linear_f32_agrees) { expect_agreement(AERIE_FORMAT_F32, AERIE_F32); }

CASE(linear_of_several_sources_agrees) {
    const std::vector<Source> sources = {{AERIE_FORMAT_F16, 24, 8}, {AERIE_FORMAT_BF16, 7}, {AERIE_FORMAT_F32, 12, 6}};
    const TestWeight weight = make_weight(sources, 50, AERIE_BF16, 3);
    EXPECT(weight.packed().parts.size() == 1);
    const std::vector<float> x = random_floats(9 * 50, 4);
    expect_products(weight, x, linear(weight, x));
}

CASE(linear_rows_keep_their_bits) {
    expect_same_bits({{AERIE_FORMAT_BF16, 33}}, AERIE_BF16, 70);
    expect_same_bits({{AERIE_FORMAT_BF16, 20}}, AERIE_BF16, 530);
    expect_same_bits({{AERIE_FORMAT_F16, 20}}, AERIE_F16, 516);
    expect_same_bits({{AERIE_FORMAT_F32, 20}}, AERIE_F32, 67);
}

CASE(linear_adds_the_residual) { expect_residual_added({{AERIE_FORMAT_BF16, 21}}, 520); }

CASE(linear_follows_outputs_and_slices) {
    const TestWeight weight = make_weight({{AERIE_FORMAT_BF16, 5}}, 18, AERIE_BF16, 11);
    Rows rows(300);
    for (int32_t i = 0; i < 300; ++i) rows.outputs.push_back(i);
    const std::shared_ptr<Batch> batch = batch_of(rows);
    const std::vector<float> x = random_floats(300 * 18, 12), all = linear(weight, x);
    const Tensor in = tensor_of(x, 18, batch, AERIE_OUTPUTS);
    Tensor out = out_tensor(256, 5, batch, AERIE_OUTPUT_SLICE);
    Op op{.kind = OpKind::linear, .out = &out, .x = &in, .weight = &weight.weight, .slice = 1};
    cuda::Launch launch = launch_of(*batch);
    run(cuda::linear, op, launch);
    EXPECT(same_bits(read(out).data(), all.data(), 256 * 5));
    launch.first_output = 256;
    run(cuda::linear, op, launch);
    EXPECT(same_bits(read(out).data(), &all[256 * 5], 44 * 5));
    EXPECT(same_bits(&read(out)[44 * 5], &all[44 * 5], 212 * 5));
}

CASE(linear_keeps_nan_and_infinity_in_their_rows) {
    const TestWeight weight = make_weight({{AERIE_FORMAT_BF16, 18}}, 513, AERIE_BF16, 13);
    std::vector<float> x = random_floats(9 * 513, 14);
    const std::vector<float> plain = linear(weight, x);
    x[3 * 513 + 500] = std::numeric_limits<float>::quiet_NaN();
    x[5 * 513 + 7] = -std::numeric_limits<float>::infinity();
    const std::vector<float> out = linear(weight, x);
    for (size_t row = 0; row < 9; ++row) {
        for (size_t col = 0; col < 18; ++col) {
            const size_t i = row * 18 + col;
            if (row == 3)
                EXPECT(std::isnan(out[i]));
            else if (row == 5)
                EXPECT(std::isinf(out[i]) && (out[i] < 0) == (weight.values[col * 513 + 7] > 0));
            else
                EXPECT(same_bits(&out[i], &plain[i], 1));
        }
    }
}

CASE(linear_keeps_nan_and_infinity_in_their_columns) {
    for (const aerie_dtype dtype : {AERIE_BF16, AERIE_F16, AERIE_F32}) {
        std::vector<float> values = random_floats(18 * 513, 17);
        const std::vector<float> x(513, 1);
        const std::vector<float> plain = linear(make_weight({{AERIE_FORMAT_F32, 18, 0, values}}, 513, dtype, 0), x);
        values[3 * 513 + 500] = std::numeric_limits<float>::quiet_NaN();
        values[5 * 513 + 7] = -std::numeric_limits<float>::infinity();
        const std::vector<float> out = linear(make_weight({{AERIE_FORMAT_F32, 18, 0, values}}, 513, dtype, 0), x);
        EXPECT(std::isnan(out[3]) && out[5] == -std::numeric_limits<float>::infinity());
        for (size_t col = 0; col < 18; ++col) EXPECT(col == 3 || col == 5 || same_bits(&out[col], &plain[col], 1));
    }
}
