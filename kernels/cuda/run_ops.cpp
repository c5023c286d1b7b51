#include "cuda/run_ops.h"

#include <algorithm>

#include "core/error.h"
#include "cuda/attention.h"
#include "cuda/experts.h"
#include "cuda/sampling.h"
#include "cuda/scratch.h"

namespace aerie::cuda {
namespace {

// Rows of a forward whose chunks of keys are attended to at the same time.
constexpr uint32_t kMostScratchRows = 64;

using Launcher = void (*)(const Op&, const Launch&);

Launcher launcher_of(OpKind kind) {
    static constexpr Launcher launchers[] = {
#define AERIE_OP(name) &aerie::cuda::name,
        AERIE_OPS(AERIE_OP)
#undef AERIE_OP
    };
    return launchers[uint32_t(kind)];
}

// The launch of an op that follows a batch, made for a bucket's rows or for as many as the batch has.
Launch launch_for(const Op& op, Launch launch, const Bucket* bucket) {
    const Batch* const batch = batch_of(op);
    if (!batch) return launch;
    const BatchCounts& counts = batch->block().counts;
    launch.max_rows = bucket ? bucket->num_rows : counts.num_rows;
    launch.max_segments = bucket ? bucket->num_segments : counts.num_segments;
    launch.max_outputs = bucket ? bucket->num_outputs : counts.num_outputs;
    return launch;
}

void run_op(const Op& op, const Launch& launch) {
    launcher_of(op.kind)(op, launch);
    if (launch.waits_for_each) expect_success(cudaStreamSynchronize(launch.stream), name_of(op.kind));
}

void run_slices(std::span<const Op> ops, Launch launch, const Bucket* bucket) {
    const uint32_t num_outputs = launch_for(ops.front(), launch, bucket).max_outputs;
    for (launch.first_output = 0; launch.first_output < num_outputs; launch.first_output += kSliceOutputs)
        for (const Op& op : ops) run_op(op, launch_for(op, launch, bucket));
}

}  // namespace

void check_op(const Op& op) {
    if (op.kind == OpKind::expert_linear) check_experts(op);
    check_dtypes(op);
}

size_t scratch_bytes(const Op& op) {
    if (op.kind == OpKind::sample) return sampling_scratch_bytes(op);
    if (op.kind == OpKind::expert_linear) return expert_scratch_bytes(op);
    if (op.kind != OpKind::attention) return 0;
    const Batch& batch = *batch_of(op);
    const uint64_t most_keys = uint64_t(batch.max_pages) * op.kv->page_size;
    return std::min(kMostScratchBytes,
                    attention_scratch_bytes(std::min(batch.max_rows, kMostScratchRows), op.num_heads, op.kv->head_dim,
                                            uint32_t(std::min<uint64_t>(most_keys, INT32_MAX)), op.window));
}

void run_ops(std::span<const Op> ops, Launch launch, const Bucket* bucket) {
    for (size_t i = 0; i < ops.size();) {
        size_t last = i + 1;
        if (!ops[i].slice) {
            run_op(ops[i], launch_for(ops[i], launch, bucket));
        } else {
            while (last < ops.size() && ops[last].slice == ops[i].slice) ++last;
            run_slices(ops.subspan(i, last - i), launch, bucket);
        }
        i = last;
    }
}

}  // namespace aerie::cuda
