#include <cmath>
#include <limits>

#include "world.h"

namespace {

constexpr uint32_t kCounts[] = {0, 1, 17, 63, 64, 65, 300};
constexpr uint32_t kCols[] = {1, 7, 64, 257, 600};

// Runs `body` for every count of rows and columns, with x of as many rows; out must hold the rows that the body gives
// and, bit for bit, those of a batch of these rows alone.
void for_sizes(uint32_t x_cols_per_col,
               const std::function<std::vector<float>(std::shared_ptr<Batch>, const std::vector<float>&, uint32_t)>& op,
               const std::function<std::vector<double>(const float*, uint32_t)>& reference, double tolerance) {
    for (const uint32_t cols : kCols) {
        const uint32_t x_cols = cols * x_cols_per_col;
        const std::vector<float> all = random_floats(size_t(300) * x_cols, cols);
        std::vector<float> whole;
        for (const uint32_t count : kCounts) {
            const std::vector<float> x(all.begin(), all.begin() + size_t(count) * x_cols);
            const std::vector<float> out = op(batch_of(Rows(count)), x, cols);
            std::vector<double> expected;
            for (uint32_t row = 0; row < count; ++row)
                for (const double value : reference(&x[size_t(row) * x_cols], cols)) expected.push_back(value);
            expect_near(out, expected, tolerance);
            if (!whole.empty()) EXPECT(same_bits(out.data(), whole.data(), std::min(out.size(), whole.size())));
            whole = out;
        }
    }
}

}  // namespace

CASE(rms_norm_agrees_with_float64) {
    for_sizes(
        1,
        [](std::shared_ptr<Batch> batch, const std::vector<float>& x, uint32_t cols) {
            Tensor in = tensor_of(x, cols, batch), weight = tensor_of(random_floats(cols, 9), cols);
            Tensor out = out_tensor(batch->max_rows, cols, batch);
            run(cuda::rms_norm, {.kind = OpKind::rms_norm, .out = &out, .x = &in, .y = &weight, .scalar = 1e-5f});
            return read(out, batch->block().counts.num_rows);
        },
        [](const float* x, uint32_t cols) {
            const std::vector<float> weight = random_floats(cols, 9);
            double squares = 0;
            for (uint32_t i = 0; i < cols; ++i) squares += double(x[i]) * x[i];
            std::vector<double> out;
            for (uint32_t i = 0; i < cols; ++i) out.push_back(x[i] / std::sqrt(squares / cols + 1e-5) * weight[i]);
            return out;
        },
        2e-6);
}

CASE(group_norm_agrees_with_float64) {
    // Of five groups in front of two columns the first stays.
    for_sizes(
        5,
        [](std::shared_ptr<Batch> batch, const std::vector<float>& x, uint32_t cols) {
            Tensor in = tensor_of(x, 5 * cols, batch), weight = tensor_of(random_floats(cols, 9), cols);
            run(cuda::group_norm, {.kind = OpKind::group_norm,
                                   .out = &in,
                                   .x = &in,
                                   .y = &weight,
                                   .num_heads = 4,
                                   .head_dim = cols,
                                   .column = cols,
                                   .scalar = 1e-5f});
            return read(in);
        },
        [](const float* x, uint32_t cols) {
            const std::vector<float> weight = random_floats(cols, 9);
            std::vector<double> out(x, x + 5 * cols);
            for (uint32_t group = 1; group < 5; ++group) {
                double* const at = &out[size_t(group) * cols];
                double squares = 0;
                for (uint32_t i = 0; i < cols; ++i) squares += at[i] * at[i];
                for (uint32_t i = 0; i < cols; ++i) at[i] *= weight[i] / std::sqrt(squares / cols + 1e-5);
            }
            return out;
        },
        2e-6);
}

CASE(numbers_are_added_scaled_and_capped) {
    for_sizes(
        1,
        [](std::shared_ptr<Batch> batch, const std::vector<float>& x, uint32_t cols) {
            Tensor in = tensor_of(x, cols, batch), out = out_tensor(batch->max_rows, cols, batch);
            run(cuda::add, {.kind = OpKind::add, .out = &out, .x = &in, .y = &in, .scalar = 0.25f});
            run(cuda::add, {.kind = OpKind::add, .out = &out, .x = &in, .y = &out, .scalar = -2.0f});
            run(cuda::scale, {.kind = OpKind::scale, .out = &out, .x = &out, .scalar = 7.0f});
            run(cuda::soft_cap, {.kind = OpKind::soft_cap, .out = &out, .x = &out, .scalar = 3.0f});
            return read(out, batch->block().counts.num_rows);
        },
        [](const float* x, uint32_t cols) {
            std::vector<double> out;
            for (uint32_t i = 0; i < cols; ++i) out.push_back(3 * std::tanh(x[i] * (1 - 2 * 1.25) * 7 / 3));
            return out;
        },
        3e-6);
}

CASE(rms_norm_runs_in_place_and_without_a_batch) {
    const std::vector<float> x = random_floats(3 * 40, 5);
    Tensor in = tensor_of(x, 40), weight = tensor_of(random_floats(40, 9), 40), out = out_tensor(3, 40, nullptr);
    run(cuda::rms_norm, {.kind = OpKind::rms_norm, .out = &out, .x = &in, .y = &weight, .scalar = 1e-5f});
    run(cuda::rms_norm, {.kind = OpKind::rms_norm, .out = &in, .x = &in, .y = &weight, .scalar = 1e-5f});
    EXPECT(same_bits(read(in).data(), read(out).data(), x.size()));
}

CASE(add_bias_adds_in_place) {
    for_sizes(
        1,
        [](std::shared_ptr<Batch> batch, const std::vector<float>& x, uint32_t cols) {
            Tensor in = tensor_of(x, cols, batch), bias = tensor_of(random_floats(cols, 8), cols);
            run(cuda::add_bias, {.kind = OpKind::add_bias, .out = &in, .x = &in, .y = &bias});
            return read(in);
        },
        [](const float* x, uint32_t cols) {
            const std::vector<float> bias = random_floats(cols, 8);
            std::vector<double> out;
            for (uint32_t i = 0; i < cols; ++i) out.push_back(x[i] + bias[i]);
            return out;
        },
        0);
}

CASE(silu_mul_agrees_with_float64) {
    for_sizes(
        2,
        [](std::shared_ptr<Batch> batch, const std::vector<float>& x, uint32_t cols) {
            Tensor in = tensor_of(x, 2 * cols, batch), out = out_tensor(batch->max_rows, cols, batch);
            run(cuda::silu_mul, {.kind = OpKind::silu_mul, .out = &out, .x = &in});
            return read(out, batch->block().counts.num_rows);
        },
        [](const float* x, uint32_t cols) {
            std::vector<double> out;
            for (uint32_t i = 0; i < cols; ++i) out.push_back(x[i] / (1 + std::exp(-double(x[i]))) * x[cols + i]);
            return out;
        },
        2e-7);
}

CASE(gelu_mul_agrees_with_float64) {
    for_sizes(
        2,
        [](std::shared_ptr<Batch> batch, const std::vector<float>& x, uint32_t cols) {
            Tensor in = tensor_of(x, 2 * cols, batch), out = out_tensor(batch->max_rows, cols, batch);
            run(cuda::gelu_mul, {.kind = OpKind::gelu_mul, .out = &out, .x = &in});
            return read(out, batch->block().counts.num_rows);
        },
        [](const float* x, uint32_t cols) {
            std::vector<double> out;
            for (uint32_t i = 0; i < cols; ++i) {
                const double gate = x[i], inner = std::sqrt(2 / M_PI) * (gate + 0.044715 * gate * gate * gate);
                out.push_back(gate / 2 * (1 + std::tanh(inner)) * x[cols + i]);
            }
            return out;
        },
        2e-7);
}

CASE(silu_mul_takes_numbers_that_are_none) {
    const float infinity = std::numeric_limits<float>::infinity(), none = std::nanf("");
    auto batch = batch_of(Rows(1));
    Tensor x = tensor_of({infinity, -200, none, 100, 1, 1, 1, infinity}, 8, batch), out = out_tensor(1, 4, batch);
    run(cuda::silu_mul, {.kind = OpKind::silu_mul, .out = &out, .x = &x});
    expect_near(read(out), {infinity, 0, none, infinity}, 0);
}

CASE(rows_of_nan_stay_alone) {
    auto batch = batch_of(Rows(3));
    std::vector<float> x = random_floats(3 * 70, 4);
    x[70 + 5] = std::nanf("");
    Tensor in = tensor_of(x, 70, batch), weight = tensor_of(random_floats(70, 9), 70), out = out_tensor(3, 70, batch);
    run(cuda::rms_norm, {.kind = OpKind::rms_norm, .out = &out, .x = &in, .y = &weight, .scalar = 1e-5f});
    const std::vector<float> normed = read(out);
    for (uint32_t i = 0; i < 3 * 70; ++i) EXPECT(std::isnan(normed[i]) == (i / 70 == 1));
}

CASE(outputs_are_gathered) {
    Rows rows(65);
    for (int32_t i = 0; i < 40; ++i) rows.outputs.push_back(i * 37 % 65);
    auto batch = batch_of(rows);
    const std::vector<float> x = random_floats(65 * 300, 3);
    Tensor in = tensor_of(x, 300, batch), out = out_tensor(45, 300, batch, AERIE_OUTPUTS);
    run(cuda::gather_outputs, {.kind = OpKind::gather_outputs, .out = &out, .x = &in, .batch = batch.get()});
    const std::vector<float> gathered = read(out, 40);
    for (uint32_t i = 0; i < 40; ++i) EXPECT(same_bits(&gathered[i * 300], &x[size_t(rows.outputs[i]) * 300], 300));
    // Ops on a slice of the outputs take it from the first output of the launch on.
    Tensor slice = out_tensor(kSliceOutputs, 300, batch, AERIE_OUTPUT_SLICE),
           ones = tensor_of(std::vector<float>(300, 1.0f), 300);
    cuda::Launch launch = launch_of(*batch);
    launch.first_output = 32;
    run(cuda::rms_norm, {.kind = OpKind::rms_norm, .out = &slice, .x = &out, .y = &ones, .slice = 1}, launch);
    Tensor all = out_tensor(45, 300, batch, AERIE_OUTPUTS);
    run(cuda::rms_norm, {.kind = OpKind::rms_norm, .out = &all, .x = &out, .y = &ones});
    EXPECT(same_bits(read(slice, 8).data(), &read(all, 40)[32 * 300], 8 * 300));
}

CASE(rows_are_gathered_from_columns_of_any_type) {
    for (const aerie_dtype dtype : {AERIE_F32, AERIE_F16, AERIE_BF16}) {
        Rows rows(17);
        for (int32_t i = 0; i < 17; ++i) rows.sources[size_t(i)] = i * 5 % 23;
        auto batch = batch_of(rows);
        Tensor wide = narrow_tensor(random_floats(23 * 90, 2), 90, dtype), out = out_tensor(22, 33, batch);
        run(cuda::gather_rows,
            {.kind = OpKind::gather_rows, .out = &out, .x = &wide, .batch = batch.get(), .column = 41});
        const std::vector<float> source = read(wide), gathered = read(out, 17);
        for (uint32_t i = 0; i < 17; ++i)
            EXPECT(same_bits(&gathered[i * 33], &source[size_t(rows.sources[i]) * 90 + 41], 33));
    }
}

CASE(rows_are_stored_at_slots_rounded_to_nearest_even) {
    for (const aerie_dtype dtype : {AERIE_F32, AERIE_F16, AERIE_BF16}) {
        Rows rows(65);
        for (int32_t i = 0; i < 65; ++i) rows.slots[size_t(i)] = i * 3 % 70;
        auto batch = batch_of(rows);
        std::vector<float> x = random_floats(65 * 33, 6);
        // Halfway between two numbers of both types, overflow, subnormal, and what is no number.
        const float special[] = {1 + 0x1p-11f, 1 + 0x3p-11f, 1 + 0x1p-8f, 1 + 0x3p-8f, 1e30f, 1e-7f, INFINITY, NAN};
        for (size_t i = 0; i < std::size(special); ++i) x[i] = special[i];
        Tensor in = tensor_of(x, 33, batch), wide = narrow_tensor(std::vector<float>(70 * 50, 2.0f), 50, dtype);
        run(cuda::store_rows, {.kind = OpKind::store_rows, .out = &wide, .x = &in, .batch = batch.get(), .column = 9});
        std::vector<double> expected(70 * 50, 2.0);
        for (uint32_t i = 0; i < 65; ++i) {
            float rounded[33];
            uint8_t bytes[33 * 4];
            narrow(bytes, &x[i * 33], 33, dtype);
            widen(rounded, bytes, 33, dtype);
            for (uint32_t col = 0; col < 33; ++col) expected[size_t(rows.slots[i]) * 50 + 9 + col] = rounded[col];
        }
        expect_near(read(wide), expected, 0);
    }
}
