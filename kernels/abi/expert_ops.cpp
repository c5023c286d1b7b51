// The ops of aerie.h for mixtures of experts: unwrap, check shapes, run or record.
#include "abi/op_checks.h"

using namespace aerie;

namespace {
void expect_routing(const char* op, const Tensor& routing, const Tensor& out) {
    if (routing.cols % 2 || routing.cols / 2 > kMostChosen)
        fail(AERIE_BAD_SHAPE, "%s: routing has %u columns, expected two for each of up to %u experts", op, routing.cols,
             kMostChosen);
    expect_same_rows(op, out, routing);
}
}  // namespace

int32_t entry::aerie_route(uint32_t handle, uint32_t out_handle, uint32_t logits_handle, uint32_t top_k,
                           uint32_t normalise) {
    return guard(handle, [&](Context& context) {
        Tensor& out = context.use<Tensor>(out_handle, "route", "out");
        Tensor& logits = context.use<Tensor>(logits_handle, "route", "logits");
        if (logits.cols > kMostExperts)
            fail(AERIE_UNSUPPORTED, "route: %u experts, expected up to %u", logits.cols, kMostExperts);
        if (!top_k || top_k > logits.cols || top_k > kMostChosen)
            fail(AERIE_BAD_ARGUMENT, "route: top_k is %u, expected 1..%u", top_k, std::min(logits.cols, kMostChosen));
        expect_cols("route", "out", out, 2ull * top_k);
        expect_same_rows("route", out, logits);
        if (&out == &logits) fail(AERIE_BAD_ARGUMENT, "route: out and logits are the same tensor");
        context.submit({.kind = OpKind::route, .normalise = normalise != 0, .out = &out, .x = &logits});
    });
}

int32_t entry::aerie_expert_linear(uint32_t handle, uint32_t out_handle, uint32_t x_handle, uint32_t weight_handle,
                                   uint32_t routing_handle, uint32_t num_parts) {
    return guard(handle, [&](Context& context) {
        const char* const op = "expert_linear";
        Tensor& out = context.use<Tensor>(out_handle, op, "out");
        Tensor& x = context.use<Tensor>(x_handle, op, "x");
        Weight& weight = context.use<Weight>(weight_handle, op, "weight");
        Tensor& routing = context.use<Tensor>(routing_handle, op, "routing");
        expect_packed(op, weight);
        expect_routing(op, routing, out);
        const uint64_t top_k = routing.cols / 2, per_row = top_k * num_parts;
        if (!num_parts || out.cols % per_row || weight.rows % (out.cols / per_row * num_parts))
            fail(AERIE_BAD_SHAPE,
                 "expert_linear: out has %u columns and weight %u rows, of %u parts and %u experts a row", out.cols,
                 weight.rows, num_parts, uint32_t(top_k));
        if (x.cols != weight.cols) expect_cols(op, "x", x, top_k * weight.cols);
        expect_same_rows(op, out, x);
        if (&out == &x || &out == &routing) fail(AERIE_BAD_ARGUMENT, "expert_linear: out is one of its operands");
        context.submit({.kind = OpKind::expert_linear,
                        .num_parts = num_parts,
                        .out = &out,
                        .x = &x,
                        .y = &routing,
                        .weight = &weight});
    });
}

int32_t entry::aerie_expert_sum(uint32_t handle, uint32_t out_handle, uint32_t x_handle, uint32_t routing_handle) {
    return guard(handle, [&](Context& context) {
        Tensor& out = context.use<Tensor>(out_handle, "expert_sum", "out");
        Tensor& x = context.use<Tensor>(x_handle, "expert_sum", "x");
        Tensor& routing = context.use<Tensor>(routing_handle, "expert_sum", "routing");
        expect_routing("expert_sum", routing, out);
        expect_cols("expert_sum", "x", x, uint64_t(routing.cols / 2) * out.cols);
        expect_same_rows("expert_sum", out, x);
        if (&out == &x || &out == &routing) fail(AERIE_BAD_ARGUMENT, "expert_sum: out is one of its operands");
        context.submit({.kind = OpKind::expert_sum, .out = &out, .x = &x, .y = &routing});
    });
}
