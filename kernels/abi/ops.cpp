// The model ops of aerie.h: unwrap, check shapes, run or record.
#include <cmath>

#include "abi/context.h"

using namespace aerie;

namespace {
void expect_cols(const char* op, const char* name, const Tensor& tensor, uint64_t cols) {
    if (tensor.cols != cols)
        fail(AERIE_BAD_SHAPE, "%s: %s has %u columns, expected %llu", op, name, tensor.cols, (unsigned long long)cols);
}

void expect_vector(const char* op, const char* name, const Tensor& tensor, uint32_t cols) {
    if (tensor.batch || tensor.capacity != 1 || tensor.cols != cols)
        fail(AERIE_BAD_SHAPE, "%s: %s is [%u, %u], expected [1, %u]", op, name, tensor.capacity, tensor.cols, cols);
}

// Throws unless columns column .. column + cols - 1 lie inside the tensor.
void expect_column(const char* op, const char* name, const Tensor& tensor, uint32_t column, uint32_t cols) {
    if (uint64_t(column) + cols > tensor.cols)
        fail(AERIE_BAD_SHAPE, "%s: %s has %u columns, expected %u from column %u", op, name, tensor.cols, cols, column);
}

// Throws unless x follows the same rows as out, or all outputs where out is an output slice.
void expect_same_rows(const char* op, const Tensor& out, const Tensor& x) {
    const bool holds = out.scope == AERIE_OUTPUT_SLICE && x.scope == AERIE_OUTPUTS;
    if (out.batch != x.batch || (out.scope != x.scope && !holds) || (!out.batch && out.capacity != x.capacity))
        fail(AERIE_BAD_SHAPE, "%s: the tensors do not follow the same rows", op);
}

void expect_rows_of(const char* op, const char* name, const Tensor& tensor, const Batch& batch, aerie_scope scope) {
    if (tensor.batch.get() != &batch || tensor.scope != scope)
        fail(AERIE_BAD_SHAPE, "%s: %s does not follow the batch's %s", op, name,
             scope == AERIE_ROWS ? "rows" : "outputs");
}

void expect_packed(const char* op, const Weight& weight) {
    if (!weight.packed) fail(AERIE_BAD_ARGUMENT, "%s: the weight is not packed", op);
}

void expect_kv(const char* op, const KvPool& kv, const Tensor& qkv, uint32_t layer, uint32_t num_heads) {
    if (layer >= kv.num_layers) fail(AERIE_BAD_ARGUMENT, "%s: layer %u of %u", op, layer, kv.num_layers);
    if (!num_heads || num_heads % kv.num_kv_heads)
        fail(AERIE_BAD_SHAPE, "%s: %u heads over %u KV heads", op, num_heads, kv.num_kv_heads);
    expect_cols(op, "qkv", qkv, (uint64_t(num_heads) + 2ull * kv.num_kv_heads) * kv.head_dim);
}

void expect_cap(const char* op, const char* name, float cap) {
    if (!(cap > 0 && cap < INFINITY))
        fail(AERIE_BAD_ARGUMENT, "%s: %s is %g, expected a number above 0", op, name, cap);
}

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

int32_t entry::aerie_rope_angles(uint32_t handle, uint32_t out_handle, uint32_t batch_handle, uint32_t inv_freq_handle,
                                 float scale) {
    return guard(handle, [&](Context& context) {
        Tensor& out = context.use<Tensor>(out_handle, "rope_angles", "out");
        Batch& batch = context.use<Batch>(batch_handle, "rope_angles", "batch");
        Tensor& inv_freq = context.use<Tensor>(inv_freq_handle, "rope_angles", "inv_freq");
        expect_vector("rope_angles", "inv_freq", inv_freq, inv_freq.cols);
        expect_cols("rope_angles", "out", out, 2ull * inv_freq.cols);
        expect_rows_of("rope_angles", "out", out, batch, AERIE_ROWS);
        context.submit({.kind = OpKind::rope_angles, .out = &out, .x = &inv_freq, .batch = &batch, .scalar = scale});
    });
}

int32_t entry::aerie_rope(uint32_t handle, uint32_t x_handle, uint32_t angles_handle, uint32_t num_heads,
                          uint32_t head_dim) {
    return guard(handle, [&](Context& context) {
        Tensor& x = context.use<Tensor>(x_handle, "rope", "x");
        Tensor& angles = context.use<Tensor>(angles_handle, "rope", "angles");
        if (!head_dim || head_dim % 16)
            fail(AERIE_BAD_SHAPE, "rope: head_dim is %u, expected a multiple of 16", head_dim);
        if (angles.cols % 16 || angles.cols > head_dim)
            fail(AERIE_BAD_SHAPE, "rope: angles has %u columns, expected a multiple of 16 up to %u", angles.cols,
                 head_dim);
        expect_same_rows("rope", x, angles);
        if (uint64_t(num_heads) * head_dim > x.cols)
            fail(AERIE_BAD_SHAPE, "rope: %u heads of %u exceed %u columns", num_heads, head_dim, x.cols);
        context.submit(
            {.kind = OpKind::rope, .out = &x, .x = &x, .y = &angles, .num_heads = num_heads, .head_dim = head_dim});
    });
}

int32_t entry::aerie_kv_store(uint32_t handle, uint32_t kv_handle, uint32_t qkv_handle, uint32_t batch_handle,
                              uint32_t layer, uint32_t num_heads) {
    return guard(handle, [&](Context& context) {
        KvPool& kv = context.use<KvPool>(kv_handle, "kv_store", "kv");
        Tensor& qkv = context.use<Tensor>(qkv_handle, "kv_store", "qkv");
        Batch& batch = context.use<Batch>(batch_handle, "kv_store", "batch");
        expect_kv("kv_store", kv, qkv, layer, num_heads);
        expect_rows_of("kv_store", "qkv", qkv, batch, AERIE_ROWS);
        context.submit(
            {.kind = OpKind::kv_store, .x = &qkv, .kv = &kv, .batch = &batch, .layer = layer, .num_heads = num_heads});
    });
}

int32_t entry::aerie_attention(uint32_t handle, uint32_t out_handle, uint32_t qkv_handle, uint32_t kv_handle,
                               uint32_t batch_handle, uint32_t layer, uint32_t num_heads, float scale, float soft_cap,
                               uint32_t window) {
    return guard(handle, [&](Context& context) {
        Tensor& out = context.use<Tensor>(out_handle, "attention", "out");
        Tensor& qkv = context.use<Tensor>(qkv_handle, "attention", "qkv");
        KvPool& kv = context.use<KvPool>(kv_handle, "attention", "kv");
        Batch& batch = context.use<Batch>(batch_handle, "attention", "batch");
        expect_kv("attention", kv, qkv, layer, num_heads);
        expect_cols("attention", "out", out, uint64_t(num_heads) * kv.head_dim);
        expect_rows_of("attention", "qkv", qkv, batch, AERIE_ROWS);
        if (soft_cap != 0) expect_cap("attention", "soft_cap", soft_cap);
        expect_same_rows("attention", out, qkv);
        context.submit({.kind = OpKind::attention,
                        .out = &out,
                        .x = &qkv,
                        .kv = &kv,
                        .batch = &batch,
                        .layer = layer,
                        .num_heads = num_heads,
                        .scalar = scale,
                        .soft_cap = soft_cap,
                        .window = window});
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
