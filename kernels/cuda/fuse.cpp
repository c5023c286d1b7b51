#include "cuda/fuse.h"

#include "core/tape.h"
#include "cuda/pack.h"

namespace aerie::cuda {
namespace {

bool is_dead_after(const std::vector<Op>& ops, size_t index, const Tensor* tensor) {
    std::vector<Access> accesses;
    for (const Op& op : ops) accesses.push_back(access_of(op));
    return aerie::is_dead_after(accesses, index, tensor, tensor->is_temporary);
}

bool takes_bias(const Op& linear, const Op& bias) {
    return linear.kind == OpKind::linear && bias.kind == OpKind::add_bias && bias.out == linear.out && !linear.bias &&
           bias.y != linear.out && linear.slice == bias.slice;
}

// Gates and what they are multiplied by are whole groups of rows of one part.
bool takes_gate(const Op& linear, const Op& silu) {
    return linear.kind == OpKind::linear && silu.kind == OpKind::silu_mul && silu.x == linear.out && !linear.y &&
           !linear.gated && silu.out != linear.x && linear.slice == silu.slice &&
           packed_of(*linear.weight).parts.size() == 1 && linear.weight->rows % (2 * kUnitRows) == 0;
}

bool takes_rotation(const Op& rope, const Op& store) {
    return rope.kind == OpKind::rope && store.kind == OpKind::kv_store && store.x == rope.out && !store.angles &&
           rope.head_dim == store.kv->head_dim && rope.num_heads == store.num_heads + store.kv->num_kv_heads;
}

}  // namespace

void fuse(std::vector<Op>& ops) {
    for (size_t i = 0; i + 1 < ops.size(); ++i) {
        Op &op = ops[i], &next = ops[i + 1];
        const auto erase = [&](size_t at) { ops.erase(ops.begin() + ptrdiff_t(at)); };
        if (takes_bias(op, next)) {
            op.bias = next.y;
            erase(i-- + 1);  // what follows may be its gate
        } else if (takes_gate(op, next) && is_dead_after(ops, i + 1, op.out)) {
            op.out = next.out;
            op.gated = true;
            erase(i + 1);
        } else if (takes_rotation(op, next)) {
            next.out = op.out;
            next.angles = op.y;
            erase(i);
        }
    }
}

}  // namespace aerie::cuda
