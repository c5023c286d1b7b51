#include "core/tape.h"

#include <algorithm>
#include <unordered_set>

#include "core/error.h"

namespace aerie {
namespace {

bool contains(const std::array<const void*, 6>& list, const void* object) {
    return object && std::find(list.begin(), list.end(), object) != list.end();
}

bool is_slice(const Tensor* tensor) { return tensor && tensor->batch && tensor->scope == AERIE_OUTPUT_SLICE; }

}  // namespace

Access access_of(const Op& op) {
    const bool stores_rows = op.kind == OpKind::store_rows;
    return {{op.x, stores_rows ? op.out : op.y, op.kv, op.angles, op.bias},
            {op.out, op.sampler, op.kind == OpKind::kv_store ? op.kv : nullptr}};
}

bool is_dead_after(std::span<const Access> accesses, size_t index, const void* object, bool ends_with_ops) {
    for (size_t i = index + 1; i < accesses.size(); ++i) {
        if (contains(accesses[i].reads, object)) return false;
        if (contains(accesses[i].writes, object)) return true;
    }
    return ends_with_ops;
}

std::vector<bool> find_hazards(std::span<const Access> accesses) {
    std::vector<bool> hazards;
    std::unordered_set<const void*> read, written;
    for (const Access& access : accesses) {
        const bool hazard = std::any_of(access.reads.begin(), access.reads.end(),
                                        [&](const void* object) { return object && written.count(object); }) ||
                            std::any_of(access.writes.begin(), access.writes.end(), [&](const void* object) {
                                return object && (written.count(object) || read.count(object));
                            });
        if (hazard) {
            read.clear();
            written.clear();
        }
        read.insert(access.reads.begin(), access.reads.end());
        written.insert(access.writes.begin(), access.writes.end());
        hazards.push_back(hazard);
    }
    return hazards;
}

BatchLimits limits_of(const Op& op) {
    BatchLimits limits;
    switch (op.kind) {
        case OpKind::embedding:
            limits.tokens = op.weight->rows;
            break;
        case OpKind::kv_store:
            limits.slots = uint64_t(op.kv->num_pages) * op.kv->page_size;
            break;
        case OpKind::attention:
            limits.pages = op.kv->num_pages;
            limits.page_size = op.kv->page_size;
            break;
        case OpKind::gather_rows:
            limits.sources = op.x->capacity;
            limits.needs_sources = true;
            break;
        case OpKind::store_rows:
            limits.slots = op.out->capacity;
            break;
        default:
            break;
    }
    return limits;
}

bool is_sliced(const Op& op) { return is_slice(op.out) || is_slice(op.x) || is_slice(op.y); }

void Tape::add(Op op) {
    if (op.kind == OpKind::attention) op.plan = plans.of(*op.batch, op.num_heads, op.kv->num_kv_heads, op.window);
    ops.push_back(op);
    Batch* const batch = batch_of(op);
    if (!batch) return;
    auto known = std::find_if(limits.begin(), limits.end(), [&](const Limits& other) { return other.batch == batch; });
    if (known == limits.end()) known = limits.insert(known, {batch, {}});
    known->limits.narrow(limits_of(op));
}

void Tape::number_slices() {
    std::unordered_set<const void*> written;
    uint32_t number = 0;
    for (size_t i = 0; i < ops.size(); ++i) {
        if (!is_sliced(ops[i])) continue;
        const bool follows = i && ops[i - 1].slice && batch_of(ops[i - 1]) == batch_of(ops[i]);
        if (!follows) {
            written.clear();
            ++number;
        }
        ops[i].slice = number;
        for (const Tensor* read : {ops[i].x, ops[i].y})
            if (is_slice(read) && !written.count(read))
                fail(AERIE_UNSUPPORTED, "%s: reads a slice of the outputs that the ops right before it did not write",
                     name_of(ops[i].kind));
        written.insert(ops[i].out);
    }
}

void Tape::check_temporaries() const {
    std::unordered_set<const void*> written;
    for (const Op& op : ops) {
        Op read = op;
        read.out = nullptr;
        for_tensors(read, [&](const Tensor* tensor) {
            if (tensor->is_temporary && !written.count(tensor))
                fail(AERIE_UNSUPPORTED, "%s: reads a temporary tensor that no op of the graph wrote before",
                     name_of(op.kind));
        });
        written.insert(op.out);
    }
}

}  // namespace aerie
