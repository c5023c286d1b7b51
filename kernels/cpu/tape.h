// Recorded ops: fused with their neighbours, with barriers only where data crosses threads.
#pragma once
#include <memory>
#include <vector>

#include "core/attention_plans.h"
#include "core/crash.h"
#include "cpu/ops.h"

namespace aerie::cpu {

struct Tape : Graph {
    std::vector<Op> ops, checks;  // checks: recorded ops whose batch is checked before every replay
    std::unique_ptr<std::atomic<uint32_t>[]> cursors;  // one an op
    AttentionPlans plans;
};

// Ops in the course of being run by all threads.
struct TapeRun {
    const OpTable* table;
    const Op* ops;
    size_t count;
    uint64_t forward;  // replays of the context so far, this one included; 0: an op by itself
    uint64_t launch;   // runs of the context so far, this one included

    // This thread's share of all ops. Marks in `running` what it is at.
    void run(const Worker& worker) const;
};

// Lets ops take over work of their neighbours where nobody else reads what lies between:
//   rms_norm + linear             the norm happens while quantising the input
//   linear + silu_mul             one thread holds both halves of a column
//   rope + kv_store + attention   an attention item rotates and stores its own rows
//   linear or attention + linear  the output is handed over quantised, in `handed_over`
// Arithmetic and results stay the same to the bit.
void fuse(std::vector<Op>& ops, const OpTable& table, ActivationBuffer& handed_over);

// Sets barrier_before where an op touches what an earlier one wrote, or writes what an earlier one touched, since the
// last barrier.
void place_barriers(std::vector<Op>& ops);

}  // namespace aerie::cpu
