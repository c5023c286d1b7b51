// Tape: recorded ops, and the analyses that a backend needs to compile them: hazards, liveness, slices, limits.
#pragma once
#include <array>
#include <span>
#include <vector>

#include "core/attention_plans.h"
#include "core/op.h"

namespace aerie {

// Memory that an op reads and writes; null entries are unused. A backend adds the accesses of fused ops.
struct Access {
    std::array<const void*, 6> reads{}, writes{};
};

// Reads x, y, kv, angles and bias; writes out, sampler and, if it is kv_store, kv; in these places. store_rows, which
// writes only some rows of out, has it among what it reads, in y's place.
Access access_of(const Op& op);

// Liveness: true if `object` is overwritten after op `index` before any op reads it, or, where it ends with the ops,
// no op reads it any more.
bool is_dead_after(std::span<const Access> accesses, size_t index, const void* object, bool ends_with_ops = false);

// Hazards (read after write, write after read, write after write): true for each op that has one with an op since the
// last barrier. A true entry is such a barrier: threads must wait for each other before that op.
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
    // Numbers the runs of ops on output slices. Throws AERIE_UNSUPPORTED if a slice is read outside of the run that
    // wrote it.
    void number_slices();
    // Throws AERIE_UNSUPPORTED if a temporary tensor is read before an op of the tape wrote it.
    void check_temporaries() const;
};

// The limits that an op sets to the numbers of its batch.
BatchLimits limits_of(const Op& op);

// Whether an op has an operand of AERIE_OUTPUT_SLICE.
bool is_sliced(const Op& op);

}  // namespace aerie
