// What linear reads of its weights, counted: for the checked build.
#include "cases_of_linear.h"
#include "sim/report.h"

namespace {

struct Kind {
    aerie_format format;
    aerie_dtype dtype = AERIE_BF16;
};

constexpr Kind kKinds[] = {
    {AERIE_FORMAT_F32, AERIE_F32}, {AERIE_FORMAT_F16, AERIE_F16}, {AERIE_FORMAT_BF16},
    {AERIE_FORMAT_F32, AERIE_INT8}, {AERIE_FORMAT_Q4_0},          {AERIE_FORMAT_Q4_1},
    {AERIE_FORMAT_Q5_0},           {AERIE_FORMAT_Q5_1},           {AERIE_FORMAT_Q8_0},
    {AERIE_FORMAT_Q4_K},           {AERIE_FORMAT_Q5_K},           {AERIE_FORMAT_Q6_K}};

// Reads of a weight by rows for which, or for more of which, a launch has room.
void expect_reads(const TestWeight& weight, uint32_t rows, uint64_t times, uint32_t most = 0) {
    const std::vector<float> x = random_floats(size_t(rows) * weight.weight.cols, rows);
    sim::forget();
    linear(weight, x, most);
    EXPECT(weight_bytes_read(weight) == times * weight.weight.bytes);
}

}  // namespace

CASE(linear_reads_weights_once_for_1_to_64_rows) {
    EXPECT(sim::is_checked());
    for (const Kind& kind : kKinds)
        for (const uint32_t cols : {256u, 512u}) {  // without slices of the inputs and with
            const TestWeight weight = make_weight({{kind.format, 20}}, cols, kind.dtype, 15);
            for (uint32_t rows = 1; rows <= 64; ++rows) expect_reads(weight, rows, 1);
        }
}

CASE(linear_reads_weights_once_per_128_rows) {
    EXPECT(sim::is_checked());
    for (const Kind& kind : kKinds) {
        const TestWeight weight = make_weight({{kind.format, 150}}, 256, kind.dtype, 16);
        for (const uint32_t rows : {1u, 65u, 128u}) expect_reads(weight, rows, 1, kManyRows);
        expect_reads(weight, 129, 2, kManyRows);
    }
}
