// The ops of aerie.h around attention: unwrap, check shapes, run or record.
#include "abi/op_checks.h"

using namespace aerie;

namespace {
void expect_kv(const char* op, const KvPool& kv, const Tensor& qkv, uint32_t layer, uint32_t num_heads) {
    if (layer >= kv.num_layers) fail(AERIE_BAD_ARGUMENT, "%s: layer %u of %u", op, layer, kv.num_layers);
    if (!num_heads || num_heads % kv.num_kv_heads)
        fail(AERIE_BAD_SHAPE, "%s: %u heads over %u KV heads", op, num_heads, kv.num_kv_heads);
    expect_cols(op, "qkv", qkv, (uint64_t(num_heads) + 2ull * kv.num_kv_heads) * kv.head_dim);
}
}  // namespace

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
