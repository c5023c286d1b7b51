// The model ops of aerie.h but those of attention: unwrap, check shapes, run or record.
#include "abi/op_checks.h"

using namespace aerie;

namespace {
// An activation of gated feed-forward layers.
int32_t gate(uint32_t handle, OpKind kind, uint32_t out_handle, uint32_t x_handle) {
    return guard(handle, [&](Context& context) {
        const char* const op = name_of(kind);
        Tensor& out = context.use<Tensor>(out_handle, op, "out");
        Tensor& x = context.use<Tensor>(x_handle, op, "x");
        expect_cols(op, "x", x, 2ull * out.cols);
        expect_same_rows(op, out, x);
        context.submit({.kind = kind, .out = &out, .x = &x});
    });
}
}  // namespace

int32_t entry::aerie_embedding(uint32_t handle, uint32_t out_handle, uint32_t batch_handle, uint32_t weight_handle) {
    return guard(handle, [&](Context& context) {
        Tensor& out = context.use<Tensor>(out_handle, "embedding", "out");
        Batch& batch = context.use<Batch>(batch_handle, "embedding", "batch");
        Weight& weight = context.use<Weight>(weight_handle, "embedding", "weight");
        expect_packed("embedding", weight);
        expect_cols("embedding", "out", out, weight.cols);
        expect_rows_of("embedding", "out", out, batch, AERIE_ROWS);
        context.submit({.kind = OpKind::embedding, .out = &out, .weight = &weight, .batch = &batch});
    });
}

int32_t entry::aerie_rms_norm(uint32_t handle, uint32_t out_handle, uint32_t x_handle, uint32_t weight_handle,
                              float eps) {
    return guard(handle, [&](Context& context) {
        Tensor& out = context.use<Tensor>(out_handle, "rms_norm", "out");
        Tensor& x = context.use<Tensor>(x_handle, "rms_norm", "x");
        Tensor& weight = context.use<Tensor>(weight_handle, "rms_norm", "weight");
        expect_cols("rms_norm", "out", out, x.cols);
        expect_vector("rms_norm", "weight", weight, x.cols);
        expect_same_rows("rms_norm", out, x);
        context.submit({.kind = OpKind::rms_norm, .out = &out, .x = &x, .y = &weight, .scalar = eps});
    });
}

int32_t entry::aerie_group_norm(uint32_t handle, uint32_t x_handle, uint32_t weight_handle, uint32_t column,
                                uint32_t num_groups, float eps) {
    return guard(handle, [&](Context& context) {
        Tensor& x = context.use<Tensor>(x_handle, "group_norm", "x");
        Tensor& weight = context.use<Tensor>(weight_handle, "group_norm", "weight");
        expect_vector("group_norm", "weight", weight, weight.cols);
        if (column + uint64_t(num_groups) * weight.cols > x.cols)
            fail(AERIE_BAD_SHAPE, "group_norm: x has %u columns, expected %u groups of %u from column %u", x.cols,
                 num_groups, weight.cols, column);
        if (&weight == &x) fail(AERIE_BAD_ARGUMENT, "group_norm: x and weight are the same tensor");
        context.submit({.kind = OpKind::group_norm,
                        .out = &x,
                        .x = &x,
                        .y = &weight,
                        .num_heads = num_groups,
                        .head_dim = weight.cols,
                        .column = column,
                        .scalar = eps});
    });
}

int32_t entry::aerie_linear(uint32_t handle, uint32_t out_handle, uint32_t x_handle, uint32_t weight_handle,
                            uint32_t residual_handle) {
    return guard(handle, [&](Context& context) {
        Tensor& out = context.use<Tensor>(out_handle, "linear", "out");
        Tensor& x = context.use<Tensor>(x_handle, "linear", "x");
        Weight& weight = context.use<Weight>(weight_handle, "linear", "weight");
        Tensor* residual = residual_handle ? &context.use<Tensor>(residual_handle, "linear", "residual") : nullptr;
        expect_packed("linear", weight);
        expect_cols("linear", "x", x, weight.cols);
        expect_cols("linear", "out", out, weight.rows);
        expect_same_rows("linear", out, x);
        if (&out == &x) fail(AERIE_BAD_ARGUMENT, "linear: out and x are the same tensor");
        if (residual) {
            expect_cols("linear", "residual", *residual, weight.rows);
            expect_same_rows("linear", out, *residual);
        }
        context.submit({.kind = OpKind::linear, .out = &out, .x = &x, .y = residual, .weight = &weight});
    });
}

int32_t entry::aerie_silu_mul(uint32_t handle, uint32_t out_handle, uint32_t x_handle) {
    return gate(handle, OpKind::silu_mul, out_handle, x_handle);
}

int32_t entry::aerie_gelu_mul(uint32_t handle, uint32_t out_handle, uint32_t x_handle) {
    return gate(handle, OpKind::gelu_mul, out_handle, x_handle);
}

int32_t entry::aerie_gather_outputs(uint32_t handle, uint32_t out_handle, uint32_t x_handle, uint32_t batch_handle) {
    return guard(handle, [&](Context& context) {
        Tensor& out = context.use<Tensor>(out_handle, "gather_outputs", "out");
        Tensor& x = context.use<Tensor>(x_handle, "gather_outputs", "x");
        Batch& batch = context.use<Batch>(batch_handle, "gather_outputs", "batch");
        expect_cols("gather_outputs", "out", out, x.cols);
        expect_rows_of("gather_outputs", "out", out, batch, AERIE_OUTPUTS);
        expect_rows_of("gather_outputs", "x", x, batch, AERIE_ROWS);
        context.submit({.kind = OpKind::gather_outputs, .out = &out, .x = &x, .batch = &batch});
    });
}

int32_t entry::aerie_gather_rows(uint32_t handle, uint32_t out_handle, uint32_t x_handle, uint32_t batch_handle,
                                 uint32_t column) {
    return guard(handle, [&](Context& context) {
        Tensor& out = context.use<Tensor>(out_handle, "gather_rows", "out");
        Tensor& x = context.use<Tensor>(x_handle, "gather_rows", "x");
        Batch& batch = context.use<Batch>(batch_handle, "gather_rows", "batch");
        expect_rows_of("gather_rows", "out", out, batch, AERIE_ROWS);
        expect_column("gather_rows", "x", x, column, out.cols);
        if (x.scope == AERIE_OUTPUT_SLICE) fail(AERIE_BAD_SHAPE, "gather_rows: x is a slice of the outputs");
        if (&out == &x) fail(AERIE_BAD_ARGUMENT, "gather_rows: out and x are the same tensor");
        context.submit({.kind = OpKind::gather_rows, .out = &out, .x = &x, .batch = &batch, .column = column});
    });
}

int32_t entry::aerie_store_rows(uint32_t handle, uint32_t out_handle, uint32_t x_handle, uint32_t batch_handle,
                                uint32_t column) {
    return guard(handle, [&](Context& context) {
        Tensor& out = context.use<Tensor>(out_handle, "store_rows", "out");
        Tensor& x = context.use<Tensor>(x_handle, "store_rows", "x");
        Batch& batch = context.use<Batch>(batch_handle, "store_rows", "batch");
        expect_rows_of("store_rows", "x", x, batch, AERIE_ROWS);
        expect_column("store_rows", "out", out, column, x.cols);
        if (out.batch) fail(AERIE_BAD_SHAPE, "store_rows: out follows a batch, expected a row per slot");
        context.submit({.kind = OpKind::store_rows, .out = &out, .x = &x, .batch = &batch, .column = column});
    });
}

int32_t entry::aerie_add_bias(uint32_t handle, uint32_t x_handle, uint32_t bias_handle) {
    return guard(handle, [&](Context& context) {
        Tensor& x = context.use<Tensor>(x_handle, "add_bias", "x");
        Tensor& bias = context.use<Tensor>(bias_handle, "add_bias", "bias");
        expect_vector("add_bias", "bias", bias, x.cols);
        context.submit({.kind = OpKind::add_bias, .out = &x, .x = &x, .y = &bias});
    });
}

int32_t entry::aerie_add(uint32_t handle, uint32_t out_handle, uint32_t x_handle, uint32_t y_handle, float scale) {
    return guard(handle, [&](Context& context) {
        Tensor& out = context.use<Tensor>(out_handle, "add", "out");
        Tensor& x = context.use<Tensor>(x_handle, "add", "x");
        Tensor& y = context.use<Tensor>(y_handle, "add", "y");
        expect_cols("add", "x", x, out.cols);
        expect_cols("add", "y", y, out.cols);
        expect_same_rows("add", out, x);
        expect_same_rows("add", out, y);
        context.submit({.kind = OpKind::add, .out = &out, .x = &x, .y = &y, .scalar = scale});
    });
}

int32_t entry::aerie_scale(uint32_t handle, uint32_t x_handle, float factor) {
    return guard(handle, [&](Context& context) {
        Tensor& x = context.use<Tensor>(x_handle, "scale", "x");
        context.submit({.kind = OpKind::scale, .out = &x, .x = &x, .scalar = factor});
    });
}

int32_t entry::aerie_soft_cap(uint32_t handle, uint32_t x_handle, float cap) {
    return guard(handle, [&](Context& context) {
        Tensor& x = context.use<Tensor>(x_handle, "soft_cap", "x");
        expect_cap("soft_cap", "cap", cap);
        context.submit({.kind = OpKind::soft_cap, .out = &x, .x = &x, .scalar = cap});
    });
}
