// An op on checked objects, as it is recorded or run.
#pragma once
#include <cstdint>

#include "core/attention_plan.h"
#include "core/objects.h"
#include "core/op_list.h"

namespace aerie {

enum class OpKind : uint8_t {
#define AERIE_OP(name) name,
    AERIE_OPS(AERIE_OP)
#undef AERIE_OP
};

#define AERIE_OP(name) +1
constexpr uint32_t kNumOps = 0 AERIE_OPS(AERIE_OP);
#undef AERIE_OP

// As in aerie_<name>.
inline const char* name_of(OpKind kind) {
    static constexpr const char* names[] = {
#define AERIE_OP(name) #name,
        AERIE_OPS(AERIE_OP)
#undef AERIE_OP
    };
    return names[uint32_t(kind)];
}

// What a mixture of experts has at most, and a row of them: kernels keep a bit of each expert, and count rows times
// their experts in 32 bits.
constexpr uint32_t kMostExperts = 1024, kMostChosen = 64;

// An op with its operands; absent operands are null. Ops read x, y, weight, batch, kv, bias and angles, and write out
// and sampler; kv_store also writes kv. out may be x.
struct Op {
    OpKind kind;
    bool normalise = false;  // route: weights add up to 1
    uint32_t num_parts = 0;  // expert_linear: of the weight, each with all experts
    Tensor* out = nullptr;
    const Tensor *x = nullptr, *y = nullptr;
    const Weight* weight = nullptr;
    KvPool* kv = nullptr;
    Batch* batch = nullptr;
    Sampler* sampler = nullptr;
    const AttentionPlan* plan = nullptr;              // attention: made anew for every launch
    uint32_t layer = 0, num_heads = 0, head_dim = 0;  // group_norm: num_heads groups of head_dim
    uint32_t column = 0;  // gather_rows, store_rows: where in the wider tensor; group_norm: of the first group
    float scalar = 0;     // rms_norm, group_norm: eps; attention, rope_angles, add: scale; scale: factor; soft_cap: cap
    float soft_cap = 0;   // attention: of scores; 0: none
    uint32_t window = 0;  // attention: entries that a row sees at most; 0: all
    uint32_t slice = 0;   // ops of one number, other than 0, run together, once per slice of the outputs
    // Set by a backend that fuses ops: the work of their neighbours.
    const Tensor* bias = nullptr;    // linear: [1, rows of the weight], added to product and residual
    const Tensor* angles = nullptr;  // attention, kv_store: rotate x by them first
    bool gated = false;              // linear: out = silu(first half of the weight's rows) * second half
};

// How many experts a row goes to, of an op whose y is what route wrote.
inline uint32_t top_k_of(const Op& op) { return op.y->cols / 2; }

// Calls body(tensor), a reference to the pointer, for every tensor of an op.
template <class Body>
void for_tensors(Op& op, Body&& body) {
    if (op.out) body(op.out);
    if (op.x) body(op.x);
    if (op.y) body(op.y);
    if (op.bias) body(op.bias);
    if (op.angles) body(op.angles);
}
static_assert(sizeof(Op) == 128, "for_tensors names every tensor that an op has");

// The batch whose rows an op follows, if any.
inline Batch* batch_of(const Op& op) {
    if (op.batch) return op.batch;
    if (op.out && op.out->batch) return op.out->batch.get();
    return op.x ? op.x->batch.get() : nullptr;
}

// Throws AERIE_UNSUPPORTED where an operand is not float32, save what gather_rows reads and store_rows writes.
void check_dtypes(const Op& op);

}  // namespace aerie
