// The op tape's instruction and the table of op bodies; one table per instruction set, made from the same sources.
#pragma once
#include <atomic>
#include <cstdint>

#include "core/attention_plan.h"
#include "core/objects.h"
#include "cpu/pool.h"

namespace aerie::cpu {

constexpr uint32_t kUnitRows = 32, kTileRows = 16, kBlock = 32;

// Columns, rounded up to whole blocks.
inline uint32_t whole_blocks(uint32_t cols) { return (cols + kBlock - 1) / kBlock * kBlock; }

// int8 activations with one scale per 32 inputs, block-major so that columns are constant offsets. A block's scales
// fill whole cache lines of their own: threads that quantise different blocks do not fight over them.
struct Activations {
    uint32_t num_rows = 0, stride = 0;  // stride: num_rows, rounded up to a cache line if more than a few
    int8_t* quants = nullptr;           // [cols / 32, num_rows, 32]
    float* scale = nullptr;             // [cols / 32, stride]
    float* sum = nullptr;               // [cols / 32, stride]: scale * sum of quants, multiplies the weights' minima
    int32_t* bias = nullptr;            // [cols / 32, stride]: -128 * sum of quants, undoes the offset of 8-bit weights
};

// Activations and their memory.
struct ActivationBuffer {
    Activations view;
    Memory memory;
    Memory split;  // [rows, 2, whole_blocks(cols)] of bf16
    void reserve(size_t rows, size_t cols);
    void reserve_split(size_t rows, size_t cols);
    // The same memory laid out for this many rows.
    Activations layout(uint32_t rows, uint32_t cols) const;
};

// How a weight part lies in memory. A unit is 32 rows; quantised parts hold per block of 32 inputs the quants of two
// tiles of 16 rows, four inputs of a row side by side (the operand of vpdpbusd), then f16 scales, then f16 minima.
enum PackedFormat : int32_t {
    kPackedF32,   // [cols, 32 rows]
    kPackedF16,   // [cols, 32 rows]
    kPackedBf16,  // [cols / 2, 32 rows, 2 inputs], cols rounded up to whole blocks
    kPackedQ4,    // 4-bit quants, value = scale * quant + minimum
    kPackedQ5,    // 5-bit quants in bytes, value = scale * quant + minimum
    kPackedQ8,    // quants + 128 in bytes, value = scale * (quant - 128)
};
constexpr uint32_t kQ4ScalesAt = 512, kQ8ScalesAt = 1024;

// Bytes of one unit with `cols` inputs.
size_t packed_unit_bytes(PackedFormat format, uint32_t cols);
// Where input `k` of a unit's row lies, in elements.
inline size_t packed_float_at(PackedFormat format, uint32_t k, uint32_t row) {
    if (format == kPackedBf16) return (size_t(k / 2) * kUnitRows + row) * 2 + k % 2;
    return size_t(k) * kUnitRows + row;
}
inline bool is_quantised(int32_t format) { return format >= kPackedQ4; }

constexpr uint32_t kMaxHeadDim = 512;
constexpr uint32_t kScores = kKeysPerBlock + 64;  // a block, and as far as gaps push the keys of a tree
constexpr uint32_t kPrivateRows = 3;  // up to here every thread quantises all rows itself, cheaper than a barrier

// What one thread may scribble on.
struct Scratch {
    ActivationBuffer activations;
    // two partials, transposed queries and scores of attention
    alignas(64) float attention[kMaxQueries * (kScores + 2 * (kMaxHeadDim + 16) + kMaxHeadDim)];
    Memory candidates;  // sampling: probabilities of the vocabulary, then {probability, token} pairs
};

// Partial results of attention with split-KV; see AttentionItem.
struct SplitBuffer {
    std::atomic<uint32_t> num_done[kMaxSplitBlocks] = {};  // blocks done, at first_partial; back to 0 when all are
    Memory memory;

    void reserve(uint32_t head_dim) {
        const size_t bytes = size_t(kMaxSplitBlocks) * kMaxQueries * (head_dim + 16) * sizeof(float);
        if (bytes > memory.bytes()) memory = Memory(bytes);
    }
    float* partials() const { return reinterpret_cast<float*>(memory.data()); }
};

// A thread's view of the run in progress.
struct Worker {
    uint32_t thread, num_threads;
    Pool* pool;
    Scratch* scratch;
    uint64_t launch = 0;        // number of the run
    uint32_t first_output = 0;  // of the batch, that row 0 of the logits at hand belongs to

    void barrier() const { pool->barrier(thread); }
    // Share of `count` items: first .. last - 1.
    void share(uint32_t count, uint32_t& first, uint32_t& last) const {
        first = uint32_t(uint64_t(count) * thread / num_threads);
        last = uint32_t(uint64_t(count) * (thread + 1) / num_threads);
    }
};

struct Op {
    void (*run)(const Op& op, const Worker& worker) = nullptr;  // does this thread's share
    Tensor* out = nullptr;
    const Tensor *x = nullptr, *y = nullptr;
    const Weight* weight = nullptr;
    KvPool* kv = nullptr;
    const Batch* batch = nullptr;
    Sampler* sampler = nullptr;
    // linear: where its input is quantised or split to, or null if it is `given` or stays float32
    ActivationBuffer* activations = nullptr;
    SplitBuffer* splits = nullptr;        // attention
    const AttentionPlan* plan = nullptr;  // attention: made anew for every launch
    uint32_t layer = 0, num_heads = 0, head_dim = 0;
    uint32_t column = 0;  // gather_rows, store_rows: where in the wider tensor
    float scalar = 0;
    // Set by fuse(): work of neighbours that rides along.
    const Tensor* norm = nullptr;             // linear: x is RMS-normed by this weight first, eps in scalar
    bool gated = false;                       // linear: out = silu(first half of the rows) * second half
    const ActivationBuffer* given = nullptr;  // linear: its input, quantised by an earlier op
    ActivationBuffer* handed_over = nullptr;  // linear, attention: out goes here, quantised, instead of to `out`
    const Tensor* angles = nullptr;           // attention: rotate queries and keys and store the rows first
    std::atomic<uint32_t>* cursor = nullptr;  // next unclaimed item, for ops that share work as it comes
    bool barrier_before = false;
};

inline uint32_t rows_of(const Tensor& tensor) {
    if (!tensor.batch) return tensor.capacity;
    return tensor.scope == AERIE_ROWS ? tensor.batch->num_rows : tensor.batch->num_outputs;
}

using OpBody = void (*)(const Op&, const Worker&);
struct OpTable {
    const char* name;
    OpBody embedding, rms_norm, linear, rope_angles, rope, kv_store, attention, silu_mul, gather_outputs, gather_rows,
        store_rows, add_bias, sample;
};

// One per instruction set; null if the library was built for another architecture.
const OpTable* portable_ops();
const OpTable* avx2_ops();
const OpTable* avxvnni_ops();
const OpTable* avx512vnni_ops();
const OpTable* amx_ops();
const OpTable* neon_ops();

// The best that this CPU has, or AERIE_CPU_ISA; throws AERIE_UNSUPPORTED if that is not there.
const OpTable* best_ops();

}  // namespace aerie::cpu
