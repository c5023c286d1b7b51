#include "cpu/tape.h"

#include <algorithm>
#include <unordered_set>

namespace aerie::cpu {
namespace {

// What an op reads and writes, for hazards. Null entries are none.
struct Touches {
    const void* reads[6];
    const void* writes[6];
};

Touches touches(const Op& op) {
    const void* rotated = op.angles ? op.x : nullptr;
    const void* out = op.handed_over ? static_cast<const void*>(op.handed_over) : op.out;
    return {{op.given ? nullptr : op.x, op.y, op.kv, op.given, op.angles, nullptr},
            {out, op.kv, op.sampler, op.activations, op.splits, rotated}};
}

bool contains(const void* const (&list)[6], const void* object) {
    return object && std::find(std::begin(list), std::end(list), object) != std::end(list);
}

// Whether `tensor` is written again after op `index` before anybody reads it.
bool dead_after(const std::vector<Op>& ops, size_t index, const Tensor* tensor) {
    for (size_t i = index + 1; i < ops.size(); ++i) {
        const Touches touched = touches(ops[i]);
        if (contains(touched.reads, tensor)) return false;
        if (contains(touched.writes, tensor)) return true;
    }
    return false;
}

bool all_quantised(const Weight& weight) {
    return std::all_of(weight.parts.begin(), weight.parts.end(),
                       [](const WeightPart& part) { return is_quantised(part.packed_format); });
}

bool whole_units(const Weight& weight) {
    return weight.num_units % 2 == 0 &&
           std::all_of(weight.parts.begin(), weight.parts.end(),
                       [](const WeightPart& part) { return part.num_rows % kUnitRows == 0; });
}

void fuse_norm(std::vector<Op>& ops, const OpTable& table) {
    for (size_t i = 0; i + 1 < ops.size(); ++i) {
        const Op norm = ops[i];
        Op& linear = ops[i + 1];
        if (norm.run != table.rms_norm || linear.run != table.linear || linear.x != norm.out) continue;
        if (!all_quantised(*linear.weight) || linear.y == norm.out || !dead_after(ops, i + 1, norm.out)) continue;
        linear.x = norm.x;
        linear.norm = norm.y;
        linear.scalar = norm.scalar;
        ops.erase(ops.begin() + ptrdiff_t(i));
    }
}

void fuse_gate(std::vector<Op>& ops, const OpTable& table) {
    for (size_t i = 0; i + 1 < ops.size(); ++i) {
        Op& linear = ops[i];
        const Op& silu = ops[i + 1];
        if (linear.run != table.linear || silu.run != table.silu_mul || silu.x != linear.out || linear.y) continue;
        if (!whole_units(*linear.weight) || silu.out == linear.x || !dead_after(ops, i + 1, linear.out)) continue;
        linear.out = silu.out;
        linear.gated = true;
        ops.erase(ops.begin() + ptrdiff_t(i) + 1);
    }
}

void fuse_attention(std::vector<Op>& ops, const OpTable& table) {
    for (size_t i = 0; i + 2 < ops.size(); ++i) {
        const Op rope = ops[i], store = ops[i + 1];
        Op& attention = ops[i + 2];
        if (rope.run != table.rope || store.run != table.kv_store || attention.run != table.attention) continue;
        const bool same = store.x == rope.out && attention.x == rope.out && store.kv == attention.kv &&
                          store.layer == attention.layer && store.batch == attention.batch &&
                          rope.head_dim == store.kv->head_dim && store.num_heads == attention.num_heads &&
                          rope.num_heads == store.num_heads + store.kv->num_kv_heads;
        if (!same || !dead_after(ops, i + 2, rope.out)) continue;
        attention.angles = rope.y;
        ops.erase(ops.begin() + ptrdiff_t(i), ops.begin() + ptrdiff_t(i) + 2);
    }
}

void hand_over(std::vector<Op>& ops, const OpTable& table, ActivationBuffer& buffer) {
    for (size_t i = 0; i + 1 < ops.size(); ++i) {
        Op &giver = ops[i], &taker = ops[i + 1];
        const bool whole_blocks = giver.gated || (giver.run == table.attention && giver.kv->head_dim % kBlock == 0);
        if (!whole_blocks || taker.run != table.linear || taker.x != giver.out || taker.norm) continue;
        if (!all_quantised(*taker.weight) || taker.y == giver.out || !dead_after(ops, i + 1, giver.out)) continue;
        buffer.reserve(giver.out->capacity, giver.out->cols);
        giver.handed_over = &buffer;
        taker.given = &buffer;
        taker.activations = nullptr;
    }
}

const char* name_of(const Op& op, const OpTable& table) {
    const struct {
        OpBody body;
        const char* name;
    } names[] = {{table.embedding, "embedding"},
                 {table.rms_norm, "rms_norm"},
                 {table.linear, "linear"},
                 {table.rope_angles, "rope_angles"},
                 {table.rope, "rope"},
                 {table.kv_store, "kv_store"},
                 {table.attention, "attention"},
                 {table.silu_mul, "silu_mul"},
                 {table.gather_outputs, "gather_outputs"},
                 {table.gather_rows, "gather_rows"},
                 {table.store_rows, "store_rows"},
                 {table.add_bias, "add_bias"},
                 {table.sample, "sample"}};
    for (const auto& [body, name] : names)
        if (body == op.run) return name;
    return "op";
}

// For the last line of a process: called in a signal handler.
void describe_run(const void* raw, uint32_t at, FixedText& text) {
    const TapeRun& run = *static_cast<const TapeRun*>(raw);
    const Op& op = run.ops[at];
    text.add(name_of(op, *run.table));
    if (op.weight) text.add(" [").add(op.weight->cols).add(" to ").add(op.weight->rows).add("]");
    text.add(" (op ").add(at + 1).add(" of ").add(run.count);
    // Only what touches the KV pool knows its layer.
    for (size_t before = at + 1; before-- > 0;) {
        if (!run.ops[before].kv) continue;
        text.add(before == at ? ", layer " : ", after the attention of layer ").add(run.ops[before].layer);
        break;
    }
    text.add(")");
    if (run.forward) text.add(", forward ").add(run.forward);
}

}  // namespace

void TapeRun::run(const Worker& worker) const {
    running.describe.store(describe_run, std::memory_order_relaxed);
    running.at.store(0, std::memory_order_relaxed);
    running.ops.store(this, std::memory_order_relaxed);
    for (size_t i = 0; i < count; ++i) {
        if (ops[i].barrier_before) worker.barrier();
        running.at.store(uint32_t(i), std::memory_order_relaxed);
        ops[i].run(ops[i], worker);
    }
    running.ops.store(nullptr, std::memory_order_relaxed);
}

void fuse(std::vector<Op>& ops, const OpTable& table, ActivationBuffer& handed_over) {
    fuse_norm(ops, table);
    fuse_gate(ops, table);
    fuse_attention(ops, table);
    hand_over(ops, table, handed_over);
}

void place_barriers(std::vector<Op>& ops) {
    std::unordered_set<const void*> read, written;
    for (Op& op : ops) {
        const Touches touched = touches(op);
        op.barrier_before = std::any_of(std::begin(touched.reads), std::end(touched.reads),
                                        [&](const void* object) { return object && written.count(object); }) ||
                            std::any_of(std::begin(touched.writes), std::end(touched.writes), [&](const void* object) {
                                return object && (written.count(object) || read.count(object));
                            });
        if (op.barrier_before) {
            read.clear();
            written.clear();
        }
        read.insert(std::begin(touched.reads), std::end(touched.reads));
        written.insert(std::begin(touched.writes), std::end(touched.writes));
    }
}

}  // namespace aerie::cpu
