// Recorded ops, and what a backend that compiles them must know: hazards, liveness, slices, limits.
#pragma once
#include <array>
#include <span>
#include <vector>

#include "core/attention_plans.h"
#include "core/op.h"

namespace aerie {

// What an op reads and writes; null entries are none. A backend adds what its fused ops touch besides.
struct Access {
    std::array<const void*, 6> reads{}, writes{};
};

// Reads x, y and kv; writes out, sampler and, if it is kv_store, kv; in these places.
Access access_of(const Op& op);

// Liveness: whether `object` is written again after op `index` before anybody reads it.
bool is_dead_after(std::span<const Access> accesses, size_t index, const void* object);

// Hazards: for each op whether it touches what an earlier one wrote, or writes what an earlier one touched, since the
// last op of which that is true. Threads must wait for each other before such an op.
std::vector<bool> find_hazards(std::span<const Access> accesses);

// The ops of a graph in order, and the limits they set to the numbers of their batches.
struct Tape {
    struct Limits {
        Batch* batch;
        BatchLimits limits;
    };
    std::vector<Op> ops;
    std::vector<Limits> limits;  // one a batch
    AttentionPlans plans;        // of its attention ops

    void add(Op op);
    // Numbers the slices. Throws AERIE_UNSUPPORTED if a slice is read outside of the run of ops that wrote it.
    void number_slices();
};

// What an op indexes by its batch's numbers.
BatchLimits limits_of(const Op& op);

// Whether an op has an operand of AERIE_OUTPUT_SLICE.
bool is_sliced(const Op& op);

}  // namespace aerie
