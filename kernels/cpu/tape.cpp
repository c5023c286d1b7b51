#include "cpu/tape.h"

#include <algorithm>

#include "core/tape.h"

namespace aerie::cpu {
namespace {

// The accesses of an op, including those of the ops fused into it.
Access access_of(const Op& op) {
    Access access = aerie::access_of(op);
    if (op.quantized_in) access.reads[0] = op.quantized_in;
    if (op.quantized_out) access.writes[0] = op.quantized_out;
    access.writes[3] = op.input;
    access.writes[4] = op.splits;
    if (op.angles) {
        access.writes[2] = op.kv;
        access.writes[5] = op.x;
    }
    return access;
}

std::vector<Access> accesses_of(const std::vector<Op>& ops) {
    std::vector<Access> accesses;
    for (const Op& op : ops) accesses.push_back(access_of(op));
    return accesses;
}

bool is_dead_after(const std::vector<Op>& ops, size_t index, const Tensor* tensor) {
    return aerie::is_dead_after(accesses_of(ops), index, tensor);
}

bool all_quantized(const PackedWeight& weight) {
    return std::all_of(weight.parts.begin(), weight.parts.end(),
                       [](const PackedPart& part) { return is_quantized(part.format); });
}

bool whole_panels(const PackedWeight& weight) {
    return weight.num_panels % 2 == 0 &&
           std::all_of(weight.parts.begin(), weight.parts.end(),
                       [](const PackedPart& part) { return part.num_rows % kPanelRows == 0; });
}

void fuse_norm(std::vector<Op>& ops) {
    for (size_t i = 0; i + 1 < ops.size(); ++i) {
        const Op norm = ops[i];
        Op& linear = ops[i + 1];
        if (norm.kind != OpKind::rms_norm || linear.kind != OpKind::linear || linear.x != norm.out) continue;
        if (!all_quantized(*linear.packed) || linear.y == norm.out || !is_dead_after(ops, i + 1, norm.out)) continue;
        if (linear.out == norm.x) continue;  // another thread may still read the norm's input
        linear.x = norm.x;
        linear.norm = norm.y;
        linear.scalar = norm.scalar;
        ops.erase(ops.begin() + ptrdiff_t(i));
    }
}

void fuse_gate(std::vector<Op>& ops) {
    for (size_t i = 0; i + 1 < ops.size(); ++i) {
        Op& linear = ops[i];
        const Op& silu = ops[i + 1];
        if (linear.kind != OpKind::linear || silu.kind != OpKind::silu_mul || silu.x != linear.out || linear.y)
            continue;
        if (!whole_panels(*linear.packed) || silu.out == linear.x || !is_dead_after(ops, i + 1, linear.out)) continue;
        if (linear.slice != silu.slice) continue;
        linear.out = silu.out;
        linear.gated = true;
        ops.erase(ops.begin() + ptrdiff_t(i) + 1);
    }
}

void fuse_attention(std::vector<Op>& ops) {
    for (size_t i = 0; i + 2 < ops.size(); ++i) {
        const Op rope = ops[i], store = ops[i + 1];
        Op& attention = ops[i + 2];
        if (rope.kind != OpKind::rope || store.kind != OpKind::kv_store || attention.kind != OpKind::attention)
            continue;
        const bool same = store.x == rope.out && attention.x == rope.out && store.kv == attention.kv &&
                          store.layer == attention.layer && store.batch == attention.batch &&
                          rope.head_dim == store.kv->head_dim && store.num_heads == attention.num_heads &&
                          rope.num_heads == store.num_heads + store.kv->num_kv_heads;
        if (!same || !is_dead_after(ops, i + 2, rope.out)) continue;
        attention.angles = rope.y;
        ops.erase(ops.begin() + ptrdiff_t(i), ops.begin() + ptrdiff_t(i) + 2);
    }
}

void fuse_quantization(std::vector<Op>& ops, QuantizedBuffer& quantized) {
    for (size_t i = 0; i + 1 < ops.size(); ++i) {
        Op &producer = ops[i], &consumer = ops[i + 1];
        const bool whole_blocks =
            producer.gated || (producer.kind == OpKind::attention && producer.kv->head_dim % kBlock == 0);
        if (!whole_blocks || consumer.kind != OpKind::linear || consumer.x != producer.out || consumer.norm) continue;
        if (!all_quantized(*consumer.packed) || consumer.y == producer.out || consumer.slice != producer.slice)
            continue;
        if (!is_dead_after(ops, i + 1, producer.out)) continue;
        quantized.reserve(producer.out->capacity, producer.out->cols);
        producer.quantized_out = &quantized;
        consumer.quantized_in = &quantized;
        consumer.input = nullptr;
    }
}

// Names the running op for the last line of a process; called in a signal handler.
void describe_run(const void* raw, uint32_t at, FixedText& text) {
    const TapeRun& run = *static_cast<const TapeRun*>(raw);
    const Op& op = run.ops[at];
    text.add(name_of(op.kind));
    if (op.weight) text.add(" [").add(op.weight->cols).add(" to ").add(op.weight->rows).add("]");
    text.add(" (op ").add(at + 1).add(" of ").add(run.count);
    // Only ops on the KV pool carry a layer: the nearest one before names it.
    for (size_t before = at + 1; before-- > 0;) {
        if (!run.ops[before].kv) continue;
        text.add(before == at ? ", layer " : ", after the attention of layer ").add(run.ops[before].layer);
        break;
    }
    text.add(")");
    if (run.forward) text.add(", forward ").add(run.forward);
}

}  // namespace

void TapeRun::run_op(size_t at, const Worker& worker) const {
    const Op& op = ops[at];
    if (op.barrier_before) worker.barrier();
    running.at.store(uint32_t(at), std::memory_order_relaxed);
    op.run(op, worker);
}

void TapeRun::run_slices(size_t first, size_t last, const Worker& worker) const {
    const uint32_t num_outputs = ops[first].rows->num_outputs;
    Worker on_slice = worker;
    on_slice.max_outputs = kSliceOutputs;
    for (;;) {
        for (size_t i = first; i < last; ++i) run_op(i, on_slice);
        on_slice.first_output += kSliceOutputs;
        if (on_slice.first_output >= num_outputs) return;
        worker.barrier();
        if (worker.thread == 0)
            for (size_t i = first; i < last; ++i) ops[i].cursor->store(0, std::memory_order_relaxed);
        worker.barrier();
    }
}

void TapeRun::run(const Worker& worker) const {
    running.describe.store(describe_run, std::memory_order_relaxed);
    running.at.store(0, std::memory_order_relaxed);
    running.ops.store(this, std::memory_order_relaxed);
    for (size_t i = 0; i < count;) {
        if (!ops[i].slice) {
            run_op(i++, worker);
            continue;
        }
        size_t last = i;
        while (last < count && ops[last].slice == ops[i].slice) ++last;
        run_slices(i, last, worker);
        i = last;
    }
    running.ops.store(nullptr, std::memory_order_relaxed);
}

void fuse(std::vector<Op>& ops, QuantizedBuffer& quantized) {
    fuse_norm(ops);
    fuse_gate(ops);
    fuse_attention(ops);
    fuse_quantization(ops, quantized);
}

void place_barriers(std::vector<Op>& ops) {
    const std::vector<bool> hazards = find_hazards(accesses_of(ops));
    for (size_t i = 0; i < ops.size(); ++i) ops[i].barrier_before = hazards[i];
}

}  // namespace aerie::cpu
