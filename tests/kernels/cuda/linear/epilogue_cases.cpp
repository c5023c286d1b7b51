// What linear does with its products before it stores them: the bits of the ops that would follow.
#include "cases_of_linear.h"

namespace {

// Rows, and how many the launch has room for: with many, another kernel takes them.
struct Rooms {
    uint32_t rows, most;
};
constexpr Rooms kRooms[] = {{1, 1}, {11, 11}, {20, 32}, {64, 64}, {75, 75}, {135, kManyRows}};

struct Operands {
    const TestWeight& weight;
    std::shared_ptr<Batch> batch;
    Tensor x, bias;
    cuda::Launch launch;

    Operands(const TestWeight& weight, uint32_t rows, uint32_t most)
        : weight(weight),
          batch(batch_of(Rows(rows))),
          x(tensor_of(random_floats(size_t(rows) * weight.weight.cols, rows), weight.weight.cols, batch)),
          bias(tensor_of(random_floats(weight.weight.rows, 21), weight.weight.rows)),
          launch(launch_of(*batch)) {
        launch.max_rows = most;
    }

    Tensor out(uint32_t cols) const { return out_tensor(x.capacity, cols, batch); }
    Op linear(Tensor& out) const { return {.kind = OpKind::linear, .out = &out, .x = &x, .weight = &weight.weight}; }
};

void expect_same(const Tensor& a, const Tensor& b) {
    EXPECT(same_bits(read(a).data(), read(b).data(), size_t(a.capacity) * a.cols));
}

void expect_gate(const std::vector<Source>& sources, aerie_dtype dtype, uint32_t cols, bool has_bias) {
    const TestWeight weight = make_weight(sources, cols, dtype, 22);
    EXPECT(weight.packed().parts.size() == 1);
    const uint32_t n = weight.weight.rows;
    for (const auto [rows, most] : kRooms) {
        const Operands on(weight, rows, most);
        Tensor both = on.out(n), apart = on.out(n / 2), gated = on.out(n / 2);
        Op op = on.linear(both);
        run(cuda::linear, op, on.launch);
        if (has_bias) run(cuda::add_bias, {.kind = OpKind::add_bias, .out = &both, .x = &both, .y = &on.bias});
        run(cuda::silu_mul, {.kind = OpKind::silu_mul, .out = &apart, .x = &both});
        op.out = &gated;
        op.gated = true;
        if (has_bias) op.bias = &on.bias;
        run(cuda::linear, op, on.launch);
        expect_same(gated, apart);
    }
}

}  // namespace

CASE(linear_adds_the_bias) {
    const std::vector<Source> mixed = {{AERIE_FORMAT_Q4_K, 24}, {AERIE_FORMAT_Q6_K, 19}, {AERIE_FORMAT_F16, 130}};
    const TestWeight weight = make_weight(mixed, 512, AERIE_BF16, 20);
    for (const auto [rows, most] : kRooms)
        for (const bool has_residual : {false, true}) {
            const Operands on(weight, rows, most);
            Tensor apart = on.out(weight.weight.rows), fused = on.out(weight.weight.rows);
            const Tensor residual = tensor_of(random_floats(size_t(rows) * weight.weight.rows, 23), weight.weight.rows, on.batch);
            Op op = on.linear(apart);
            if (has_residual) op.y = &residual;
            run(cuda::linear, op, on.launch);
            run(cuda::add_bias, {.kind = OpKind::add_bias, .out = &apart, .x = &apart, .y = &on.bias});
            op.out = &fused;
            op.bias = &on.bias;
            run(cuda::linear, op, on.launch);
            expect_same(fused, apart);
        }
}

CASE(linear_multiplies_by_the_gate) {
    expect_gate({{AERIE_FORMAT_BF16, 16}, {AERIE_FORMAT_BF16, 16}}, AERIE_BF16, 40, false);
    expect_gate({{AERIE_FORMAT_BF16, 160}}, AERIE_BF16, 520, true);
    expect_gate({{AERIE_FORMAT_F32, 96}}, AERIE_F32, 33, true);
    expect_gate({{AERIE_FORMAT_Q4_K, 160}}, AERIE_BF16, 256, false);
    expect_gate({{AERIE_FORMAT_Q8_0, 160}}, AERIE_BF16, 544, true);
}
