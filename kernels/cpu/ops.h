// An op as threads run it and the table of op bodies; one table per instruction set, made from the same sources.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>

#include "core/attention_plan.h"
#include "core/op.h"
#include "cpu/memory.h"
#include "cpu/pool.h"

namespace aerie::cpu {

constexpr uint32_t kPanelRows = 32, kTileRows = 16, kBlock = 32;

// Columns, rounded up to whole blocks.
inline uint32_t whole_blocks(uint32_t cols) { return (cols + kBlock - 1) / kBlock * kBlock; }

// Rows of x as int8 with one scale per 32 inputs, block-major so that rows are constant offsets. A block's scales
// fill whole cache lines of their own: threads that quantize different blocks do not fight over them.
struct QuantizedRows {
    uint32_t num_rows = 0, stride = 0;  // stride: num_rows, rounded up to a cache line if more than a few
    int8_t* quants = nullptr;           // [cols / 32, num_rows, 32]
    float* scale = nullptr;             // [cols / 32, stride]
    float* sum = nullptr;               // [cols / 32, stride]: scale * sum of quants, multiplies the weights' minima
    int32_t* bias = nullptr;            // [cols / 32, stride]: -128 * sum of quants, undoes the offset of 8-bit weights
};

// Memory for an input of products, in either form.
struct QuantizedBuffer {
    QuantizedRows view;
    Memory memory;
    Memory bf16x2;  // [rows, 2, whole_blocks(cols)] of bf16
    Memory floats;  // [rows, cols] of float32
    void reserve(size_t rows, size_t cols);
    void reserve_bf16x2(size_t rows, size_t cols);
    void reserve_floats(size_t rows, size_t cols);
    // The same memory laid out for this many rows.
    QuantizedRows layout(uint32_t rows, uint32_t cols) const;
};

// How rows of a weight lie in memory. A panel is 32 rows; quantized parts hold per block of 32 inputs the quants of two
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

// Bytes of one panel with `cols` inputs.
size_t panel_bytes(PackedFormat format, uint32_t cols);
// Where input `k` of a panel's row lies, in elements.
inline size_t packed_float_at(PackedFormat format, uint32_t k, uint32_t row) {
    if (format == kPackedBf16) return (size_t(k / 2) * kPanelRows + row) * 2 + k % 2;
    return size_t(k) * kPanelRows + row;
}
inline bool is_quantized(PackedFormat format) { return format >= kPackedQ4; }

// Rows of a weight in one packed format.
struct PackedPart {
    PackedFormat format;
    uint32_t first_row, num_rows, first_panel, num_panels;
    const uint8_t* data;
};

struct PackedWeight : Packed {
    uint32_t num_panels = 0;
    std::vector<PackedPart> parts;
    std::shared_ptr<Memory> memory;  // shared with other weights packed at the time
};

inline const PackedWeight& packed_of(const Weight& weight) { return static_cast<const PackedWeight&>(*weight.packed); }

constexpr uint32_t kMaxHeadDim = 512;
constexpr uint32_t kScores = kKeysPerBlock + 64;  // a block, and as far as gaps push the keys of a tree
constexpr uint32_t kMaxRowsQuantizedPerThread =
    3;  // up to here every thread quantizes all rows itself, cheaper than a barrier

// Scratch memory of one thread.
struct Scratch {
    QuantizedBuffer input;
    // two partials, transposed queries and scores of attention
    alignas(64) float attention[kMaxQueries * (kScores + 2 * (kMaxHeadDim + 16) + kMaxHeadDim)];
    Memory experts;     // expert_linear: which rows go where, see ExpertEntries
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
    uint64_t launch = 0;  // number of the work
    // The outputs that ops on an output slice compute; all outputs for other ops.
    uint32_t first_output = 0, max_outputs = UINT32_MAX;

    void barrier() const { pool->barrier(thread, num_threads); }
    // Share of `count` items: first .. last - 1.
    void share(uint32_t count, uint32_t& first, uint32_t& last) const {
        first = uint32_t(uint64_t(count) * thread / num_threads);
        last = uint32_t(uint64_t(count) * (thread + 1) / num_threads);
    }
};

struct Op;
using OpBody = void (*)(const Op&, const Worker&);  // does this thread's share

struct Op : aerie::Op {
    explicit Op(const aerie::Op& op) : aerie::Op(op) {}

    OpBody run = nullptr;
    const BatchArrays* rows = nullptr;        // of the batch that the op follows
    const PackedWeight* packed = nullptr;     // of `weight`
    std::atomic<uint32_t>* cursor = nullptr;  // next unclaimed item, for ops that share work as it comes
    // linear: buffer for its input as int8 or as bf16x2; null if the input is `quantized_in` or stays float32.
    // expert_linear: for its input in the order of the experts.
    QuantizedBuffer* input = nullptr;
    SplitBuffer* splits = nullptr;  // attention
    // Set by fuse(): the work of fused neighbours.
    const Tensor* norm = nullptr;                   // linear: x is RMS-normed by this weight first, eps in scalar
    const QuantizedBuffer* quantized_in = nullptr;  // linear: its input, quantized by an earlier op
    QuantizedBuffer* quantized_out = nullptr;       // linear, attention: out goes here instead
    bool barrier_before = false;
};

// The elements of a float32 tensor from the row of the worker's first output on.
inline float* floats(const Tensor& tensor, const Worker& worker) {
    const size_t first_row = tensor.scope == AERIE_OUTPUTS ? worker.first_output : 0;
    return static_cast<float*>(tensor.buffer.address) + first_row * tensor.cols;
}

// Number of rows of a tensor that an op works on.
inline uint32_t rows_of(const Op& op, const Tensor& tensor, const Worker& worker) {
    if (!tensor.batch) return tensor.capacity;
    if (tensor.scope == AERIE_ROWS) return op.rows->num_rows;
    return std::min(op.rows->num_outputs - worker.first_output, worker.max_outputs);
}

struct OpTable {
    const char* name;
    bool takes_bf16x2 = false;  // products with bfloat16 weights take a row of their input as two of bfloat16
    OpBody bodies[kNumOps];

    OpBody& of(OpKind kind) { return bodies[uint32_t(kind)]; }
    OpBody of(OpKind kind) const { return bodies[uint32_t(kind)]; }
};

// One per instruction set; null if the library was built for another architecture.
const OpTable* portable_ops();
const OpTable* avx2_ops();
const OpTable* avxvnni_ops();
const OpTable* avx512vnni_ops();
const OpTable* amx_ops();
const OpTable* neon_ops();

// The op table of the best instruction set that this CPU has, or of the one named by AERIE_CPU_ISA. Throws
// AERIE_UNSUPPORTED if the CPU lacks that one.
const OpTable* best_ops();

}  // namespace aerie::cpu
