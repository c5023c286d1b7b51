#include "cases_of_linear.h"

#include <cmath>

#include "sim/report.h"

void expect_same_bits(const std::vector<Source>& sources, aerie_dtype dtype, uint32_t cols) {
    const TestWeight weight = make_weight(sources, cols, dtype, 5);
    const size_t n = weight.weight.rows;
    const std::vector<float> x = random_floats(65 * cols, 6);
    const std::vector<float> all = linear(weight, x);
    for (uint32_t rows = 1; rows <= 64; ++rows) {
        const std::vector<float> some(x.begin(), x.begin() + ptrdiff_t(rows * cols));
        const uint32_t most = rows % 3 == 0 ? rows : rows % 3 == 1 ? 64 : 65;
        EXPECT(same_bits(linear(weight, some, most).data(), all.data(), rows * n));
    }
    // Row 0 at every other place, among rows of another size.
    for (uint32_t place = 1; place < 65; place += 5) {
        std::vector<float> other = random_floats(65 * cols, place);
        for (float& value : other) value *= 1e10f;
        std::copy(x.begin(), x.begin() + ptrdiff_t(cols), other.begin() + ptrdiff_t(place * cols));
        EXPECT(same_bits(linear(weight, other).data() + place * n, all.data(), n));
    }
}

uint64_t weight_bytes_read(const TestWeight& weight) {
    for (const auto& traffic : aerie::sim::traffic()) {
        if (traffic.memory != weight.packed().memory.address) continue;
        EXPECT(!traffic.bytes_written);
        return traffic.bytes_read;
    }
    return 0;
}

void expect_embedding(const std::vector<Source>& sources, uint32_t cols, aerie_dtype dtype) {
    const TestWeight weight = make_weight(sources, cols, dtype, 21);
    Rows rows(0);
    for (uint32_t i = 0; i < weight.weight.rows + 2; ++i) {
        rows.tokens.push_back(i < weight.weight.rows ? int32_t(weight.weight.rows - 1 - i) : -1);
        rows.positions.push_back(0);
        rows.slots.push_back(0);
        rows.sources.push_back(0);
        rows.visible.push_back(0);
        rows.tree_masks.push_back(1);
    }
    rows.segment_starts = {0, int32_t(rows.count())};
    const std::shared_ptr<Batch> batch = batch_of(rows);
    Tensor out = out_tensor(rows.count(), cols, batch);
    run(cuda::embedding, {.kind = OpKind::embedding, .out = &out, .weight = &weight.weight, .batch = batch.get()});
    const std::vector<float> values = read(out);
    for (size_t row = 0; row < rows.count(); ++row) {
        for (size_t k = 0; k < cols; ++k) {
            const int32_t token = rows.tokens[row];
            const double value = token < 0 ? 0 : weight.values[size_t(token) * cols + k];
            // A quantised number is rounded once more, with its minimum.
            const double error =
                token < 0 ? 0 : weight.errors[size_t(token) * cols + k] * 1.001 + std::fabs(value) * 0x1p-23;
            EXPECT(std::fabs(values[row * cols + k] - value) <= error);
        }
    }
}

void expect_residual_added(const std::vector<Source>& sources, uint32_t cols) {
    constexpr uint32_t kRows = 11;
    const TestWeight weight = make_weight(sources, cols, AERIE_BF16, 8);
    const uint32_t n = weight.weight.rows;
    const std::vector<float> x = random_floats(kRows * cols, 9), residual = random_floats(kRows * n, 10);
    std::vector<float> expected = linear(weight, x);
    for (size_t i = 0; i < expected.size(); ++i) expected[i] += residual[i];
    const std::shared_ptr<Batch> batch = batch_of(Rows(kRows));
    const Tensor in = tensor_of(x, cols, batch), other = tensor_of(residual, n, batch);
    Tensor out = out_tensor(kRows, n, batch), same = tensor_of(residual, n, batch);
    run(cuda::linear, {.kind = OpKind::linear, .out = &out, .x = &in, .y = &other, .weight = &weight.weight});
    run(cuda::linear, {.kind = OpKind::linear, .out = &same, .x = &in, .y = &same, .weight = &weight.weight});
    EXPECT(same_bits(read(out).data(), expected.data(), expected.size()));
    EXPECT(same_bits(read(same).data(), expected.data(), expected.size()));
}
