// Rows of weights read back.
#include <cmath>

#include "weights.h"

namespace {

void expect_rows(const std::vector<Source>& sources, uint32_t cols, aerie_dtype dtype) {
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

}  // namespace

CASE(embedding_reads_rows) {
    expect_rows({{AERIE_FORMAT_BF16, 35}}, 37, AERIE_BF16);
    expect_rows({{AERIE_FORMAT_F32, 18, 6}}, 130, AERIE_F16);
    expect_rows({{AERIE_FORMAT_F32, 17}}, 19, AERIE_F32);
}
