// Products with quantised weights.
#include <cmath>
#include <limits>

#include "cases_of_linear.h"

namespace {

void expect_agreement(aerie_format format, aerie_dtype dtype, uint32_t block) {
    for (const auto& [n, blocks] : {std::pair(1u, 32u), std::pair(17u, 256u), std::pair(35u, 2304u)}) {
        const uint32_t cols = std::max(blocks, block);
        const TestWeight weight = make_weight({{format, n}}, cols, dtype, n);
        for (const uint32_t rows : {1u, 17u, 63u, 65u}) {
            if (rows == 63 && n == 35) continue;
            const std::vector<float> x = random_floats(size_t(rows) * cols, rows);
            expect_products(weight, x, linear(weight, x));
        }
        EXPECT(linear(weight, {}, 64).empty());
    }
}

}  // namespace

CASE(linear_q4_0_agrees) { expect_agreement(AERIE_FORMAT_Q4_0, AERIE_BF16, 32); }
CASE(linear_q4_1_agrees) { expect_agreement(AERIE_FORMAT_Q4_1, AERIE_BF16, 32); }
CASE(linear_q5_0_agrees) { expect_agreement(AERIE_FORMAT_Q5_0, AERIE_BF16, 32); }
CASE(linear_q5_1_agrees) { expect_agreement(AERIE_FORMAT_Q5_1, AERIE_BF16, 32); }
CASE(linear_q8_0_agrees) { expect_agreement(AERIE_FORMAT_Q8_0, AERIE_BF16, 32); }
CASE(linear_q4_k_agrees) { expect_agreement(AERIE_FORMAT_Q4_K, AERIE_BF16, 256); }
CASE(linear_q5_k_agrees) { expect_agreement(AERIE_FORMAT_Q5_K, AERIE_BF16, 256); }
CASE(linear_q6_k_agrees) { expect_agreement(AERIE_FORMAT_Q6_K, AERIE_BF16, 256); }
CASE(linear_int8_agrees) { expect_agreement(AERIE_FORMAT_F32, AERIE_INT8, 32); }

// As in a query-key-value weight whose values have more bits.
CASE(linear_of_several_formats_agrees) {
    const std::vector<Source> sources = {
        {AERIE_FORMAT_Q4_K, 24, 8}, {AERIE_FORMAT_Q4_K, 18, 6}, {AERIE_FORMAT_Q6_K, 19}, {AERIE_FORMAT_F16, 5}};
    const TestWeight weight = make_weight(sources, 512, AERIE_BF16, 3);
    EXPECT(weight.packed().parts.size() == 3);
    const std::vector<float> x = random_floats(9 * 512, 4);
    expect_products(weight, x, linear(weight, x));
    expect_residual_added(sources, 512);
}

CASE(linear_quantized_rows_keep_their_bits) {
    expect_same_bits({{AERIE_FORMAT_Q4_K, 9}, {AERIE_FORMAT_Q6_K, 8}}, AERIE_BF16, 512);
    expect_same_bits({{AERIE_FORMAT_Q4_0, 8}, {AERIE_FORMAT_Q5_1, 9}, {AERIE_FORMAT_Q5_0, 8}}, AERIE_BF16, 96);
    expect_same_bits({{AERIE_FORMAT_F32, 17}}, AERIE_INT8, 96);
}

// By the kernels for few rows and for many.
CASE(linear_quantized_keeps_nan_and_infinity_in_their_rows) {
    for (const aerie_format format : {AERIE_FORMAT_F32, AERIE_FORMAT_Q4_0, AERIE_FORMAT_Q4_K, AERIE_FORMAT_Q5_0,
                                      AERIE_FORMAT_Q5_1, AERIE_FORMAT_Q6_K}) {
        const TestWeight weight = make_weight({{format, 34}}, 512, AERIE_INT8, 13);
        for (const uint32_t most : {0u, kManyRows}) {
            std::vector<float> x = random_floats(9 * 512, 14);
            const std::vector<float> plain = linear(weight, x, most);
            x[3 * 512 + 500] = std::numeric_limits<float>::quiet_NaN();
            x[5 * 512 + 7] = -std::numeric_limits<float>::infinity();
            const std::vector<float> out = linear(weight, x, most);
            for (size_t i = 0; i < 9 * 34; ++i) {
                if (i / 34 == 3)
                    EXPECT(std::isnan(out[i]));
                else if (i / 34 == 5)
                    EXPECT(!std::isfinite(out[i]));
                else
                    EXPECT(same_bits(&out[i], &plain[i], 1));
            }
        }
    }
}

CASE(embedding_reads_quantized_rows) {
    for (const aerie_format format : {AERIE_FORMAT_Q4_0, AERIE_FORMAT_Q4_1, AERIE_FORMAT_Q5_0, AERIE_FORMAT_Q5_1,
                                      AERIE_FORMAT_Q8_0, AERIE_FORMAT_Q4_K, AERIE_FORMAT_Q5_K, AERIE_FORMAT_Q6_K})
        expect_embedding({{format, 18, 6}}, 256, AERIE_BF16);
    expect_embedding({{AERIE_FORMAT_Q4_K, 17}, {AERIE_FORMAT_Q6_K, 3}, {AERIE_FORMAT_F16, 2}}, 256, AERIE_BF16);
    expect_embedding({{AERIE_FORMAT_F16, 18}}, 64, AERIE_INT8);
}
