// Compiled tape of the CPU: ops fused with their neighbours, with barriers only where data crosses threads.
#pragma once
#include <memory>
#include <vector>

#include "core/crash.h"
#include "cpu/ops.h"

namespace aerie::cpu {

// One run of ops by all threads.
struct TapeRun {
    Op* ops;
    size_t count;
    uint64_t forward;  // launches of the context so far, this one included; 0: an op by itself
    uint64_t launch;   // number of the work

    // Runs this thread's share of all ops. Marks the current op in `running()`, for the crash handler.
    void run(const Worker& worker) const;

  private:
    void run_op(size_t at, const Worker& worker) const;
    // Runs ops first .. last - 1 once per slice of the outputs.
    void run_slices(size_t first, size_t last, const Worker& worker) const;
};

// Operator fusion: merges adjacent ops when the tensor between them has no other reader:
//   rms_norm + linear             the norm happens while quantizing the input
//   linear + silu_mul             one thread holds the gate and the value of an output
//   rope + kv_store + attention   an attention item rotates and stores its own rows
//   linear or attention + linear  the output is quantized as it is made, into `quantized`
// Arithmetic and results stay the same to the bit.
void fuse(std::vector<Op>& ops, QuantizedBuffer& quantized);

// Sets barrier_before by the hazards between ops.
void place_barriers(std::vector<Op>& ops);

}  // namespace aerie::cpu
