// Products with the experts that rows are routed to.
#include <cmath>

#include "cuda/experts.h"
#include "weights.h"

namespace {

constexpr uint32_t kExperts = 5, kTopK = 2, kParts = 2, kPerExpert = 24, kCols = 544;

struct Routed {
    std::vector<float> routing, out, sum;
};

// Rows of x through route, expert_linear and expert_sum.
Routed route_rows(const TestWeight& weight, const std::vector<float>& x, const std::vector<float>& logits) {
    const auto rows = uint32_t(x.size() / kCols);
    auto batch = batch_of(Rows(rows));
    cuda::Launch launch = launch_of(*batch);
    Tensor in = tensor_of(x, kCols, batch), scores = tensor_of(logits, kExperts, batch);
    Tensor routing = out_tensor(batch->max_rows, 2 * kTopK, batch);
    run(cuda::route, {.kind = OpKind::route, .normalise = true, .out = &routing, .x = &scores}, launch);
    Tensor out = out_tensor(batch->max_rows, kParts * kTopK * kPerExpert, batch);
    const Op op{.kind = OpKind::expert_linear,
                .num_parts = kParts,
                .out = &out,
                .x = &in,
                .y = &routing,
                .weight = &weight.weight};
    const Buffer scratch = raw_buffer(cuda::expert_scratch_bytes(op));
    launch.scratch = scratch.address;
    launch.scratch_bytes = scratch.bytes;
    run(cuda::expert_linear, op, launch);
    Tensor sum = out_tensor(batch->max_rows, kParts * kPerExpert, batch);
    run(cuda::expert_sum, {.kind = OpKind::expert_sum, .out = &sum, .x = &out, .y = &routing}, launch);
    return {read(routing, rows), read(out, rows), read(sum, rows)};
}

// `count` numbers from `first` on.
std::vector<float> part_of(const std::vector<float>& rows, size_t first, size_t count) {
    return {rows.begin() + ptrdiff_t(first), rows.begin() + ptrdiff_t(first + count)};
}

}  // namespace

CASE(experts_multiply_the_rows_that_are_routed_to_them) {
    constexpr uint32_t kWeightRows = kParts * kExperts * kPerExpert;
    const std::vector<std::pair<std::vector<Source>, aerie_dtype>> weights = {
        {{{AERIE_FORMAT_F32, kWeightRows}}, AERIE_F32},
        {{{AERIE_FORMAT_BF16, kWeightRows}}, AERIE_BF16},
        {{{AERIE_FORMAT_Q4_1, kWeightRows / 2}, {AERIE_FORMAT_Q8_0, kWeightRows / 2}}, AERIE_BF16},
    };
    for (const auto& [sources, dtype] : weights) {
        const TestWeight weight = make_weight(sources, kCols, dtype, 3);
        // 21 rows are more than a tile for some expert, one row leaves most experts alone.
        const std::vector<float> x = random_floats(21 * kCols, 4), logits = random_floats(21 * kExperts, 5);
        const Routed all = route_rows(weight, x, logits);
        const Products products = products_of(weight, x);
        for (uint32_t row = 0; row < 21; ++row) {
            const float* const routing = &all.routing[row * 2 * kTopK];
            const float* const scores = &logits[row * kExperts];
            for (uint32_t place = 0; place < kTopK; ++place) {
                const auto expert = uint32_t(routing[place]);
                uint32_t before = 0;
                for (uint32_t i = 0; i < kExperts; ++i) before += scores[i] > scores[expert];
                EXPECT(before == place);
                for (uint32_t part = 0; part < kParts; ++part)
                    for (uint32_t i = 0; i < kPerExpert; ++i) {
                        const size_t of = row * kWeightRows + (part * kExperts + expert) * kPerExpert + i;
                        const float found = all.out[((row * kParts + part) * kTopK + place) * kPerExpert + i];
                        EXPECT(std::fabs(found - products.values[of]) <= products.tolerances[of]);
                    }
            }
            const double second = std::exp(double(scores[uint32_t(routing[1])]) - scores[uint32_t(routing[0])]);
            EXPECT(std::fabs(routing[kTopK] - 1 / (1 + second)) < 1e-6);
            EXPECT(std::fabs(routing[kTopK + 1] - second / (1 + second)) < 1e-6);
            const Routed alone =
                route_rows(weight, part_of(x, row * kCols, kCols), part_of(logits, row * kExperts, kExperts));
            EXPECT(same_bits(alone.out.data(), &all.out[row * alone.out.size()], alone.out.size()));
            EXPECT(same_bits(alone.sum.data(), &all.sum[row * alone.sum.size()], alone.sum.size()));
        }
    }
}
