#include "core/arena_plan.h"

#include <algorithm>
#include <vector>

namespace aerie {
namespace {

// Times from a write to the last read of what it wrote, both included.
struct Life {
    size_t first, last;
};

struct Lives {
    const Tensor* tensor;
    size_t bytes;
    std::vector<Life> lives;  // ascending

    bool meets(const Lives& other) const {
        return std::any_of(lives.begin(), lives.end(), [&](const Life& own) {
            return std::any_of(other.lives.begin(), other.lives.end(),
                               [&](const Life& life) { return own.first <= life.last && life.first <= own.last; });
        });
    }
};

size_t round_up(size_t bytes) {
    return (bytes + ArenaPlan::kAlignment - 1) / ArenaPlan::kAlignment * ArenaPlan::kAlignment;
}

// The lives of every temporary tensor, in the order of their first writes.
std::vector<Lives> lives_of(std::span<const Op> ops) {
    std::vector<Lives> all;
    std::unordered_map<const Tensor*, size_t> places;
    size_t time = 0;
    for (size_t i = 0; i < ops.size(); ++i) {
        if (!ops[i].slice || !i || ops[i].slice != ops[i - 1].slice) time = i;
        const Op& op = ops[i];
        Op read = op;
        read.out = nullptr;
        bool is_read = false;
        for_tensors(read, [&](const Tensor* tensor) {
            is_read |= tensor == op.out;
            if (tensor->is_temporary) all[places.at(tensor)].lives.back().last = time;
        });
        if (!op.out || !op.out->is_temporary || is_read) continue;
        const auto [place, is_new] = places.emplace(op.out, all.size());
        if (is_new) all.push_back({op.out, round_up(op.out->bytes()), {}});
        all[place->second].lives.push_back({time, time});
    }
    return all;
}

}  // namespace

ArenaPlan plan_arena(std::span<const Op> ops) {
    std::vector<Lives> all = lives_of(ops);
    // The largest first, each at the lowest place where it meets nobody (Pisarchyk & Lee 2020, greedy by size).
    std::stable_sort(all.begin(), all.end(), [](const Lives& a, const Lives& b) { return a.bytes > b.bytes; });
    ArenaPlan plan;
    std::vector<std::pair<size_t, const Lives*>> placed;  // by offset
    for (const Lives& lives : all) {
        size_t offset = 0;
        for (const auto& [at, other] : placed) {
            if (!lives.meets(*other)) continue;
            if (offset + lives.bytes <= at) break;
            offset = std::max(offset, at + other->bytes);
        }
        plan.offsets.emplace(lives.tensor, offset);
        plan.bytes = std::max(plan.bytes, offset + lives.bytes);
        placed.insert(std::upper_bound(placed.begin(), placed.end(), std::pair{offset, &lives}), {offset, &lives});
    }
    return plan;
}

}  // namespace aerie
