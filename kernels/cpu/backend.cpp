// The CPU backend: ops and compiled tapes run on the thread pool, at once.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>

#include "core/backend.h"
#include "core/error.h"
#include "core/formats.h"
#include "cpu/experts.h"
#include "cpu/free_memory.h"
#include "cpu/kv_cache.h"
#include "cpu/ops.h"
#include "cpu/pack.h"
#include "cpu/sampler.h"
#include "cpu/tape.h"

namespace aerie::cpu {

namespace {

struct CpuProgram final : Program {
    // A batch with its arrays as last written; ops point to it.
    struct Rows {
        const Batch* batch;
        BatchArrays arrays;
    };
    std::vector<Op> ops;
    std::deque<Rows> rows;
    std::unique_ptr<std::atomic<uint32_t>[]> cursors;  // one an op
};

BatchArrays current_arrays(const Batch& batch) {
    const BatchBlock& block = batch.block();
    return arrays_of(block.counts, static_cast<const uint8_t*>(block.device.address));
}

class CpuBackend final : public Backend {
  public:
    explicit CpuBackend(uint32_t num_threads) : table_(best_ops()), pool_(num_threads), scratch_(num_threads) {
        for (auto& scratch : scratch_) scratch = std::make_unique<Scratch>();
    }

    std::string describe() const override {
        const uint32_t n = pool_.size();
        return std::string("cpu ") + table_->name + ", " + std::to_string(n) + (n == 1 ? " thread" : " threads");
    }

    void set_threads(uint32_t num_threads) override { pool_.resize(num_threads); }

    void memory(double& free_bytes, double& total_bytes) const override {
        const FreeMemory memory = read_free_memory();
        free_bytes = memory.free;
        total_bytes = memory.total;
    }

    Buffer allocate(size_t bytes) override {
        auto memory = std::make_shared<Memory>(bytes);
        return {memory->data(), bytes, memory};
    }

    void upload(const Buffer& to, size_t offset, const void* from, size_t bytes) override {
        if (bytes) memcpy(static_cast<uint8_t*>(to.address) + offset, from, bytes);
    }

    void download(void* to, const Buffer& from, size_t offset, size_t bytes) override {
        if (bytes) memcpy(to, static_cast<const uint8_t*>(from.address) + offset, bytes);
    }

    size_t appended_bytes(uint32_t) const override { return 0; }
    void take_block(Batch& batch) override {
        const BatchBlock& block = batch.block();
        upload(block.device, 0, block.host.get(), block_bytes(block.counts));
    }

    void copy_rows(Tensor& tensor, const int32_t* from, const int32_t* to, uint32_t num_rows) override {
        auto* rows = static_cast<uint8_t*>(tensor.buffer.address);
        const size_t bytes = tensor.cols * dtype_bytes(tensor.dtype);
        for (uint32_t i = 0; i < num_rows; ++i)
            memmove(rows + size_t(to[i]) * bytes, rows + size_t(from[i]) * bytes, bytes);
    }

    void copy_slots(KvPool& kv, const int32_t* from, const int32_t* to, uint32_t num_slots) override {
        parallel_for(kv.num_layers * kv.num_kv_heads, [&](uint32_t first, uint32_t last) {
            for (uint32_t i = first; i < last; ++i) copy_kv(kv, i, from, to, num_slots);
        });
    }

    // Tensors that follow a batch stay float32, the type kernels compute in; others are stored as requested.
    aerie_dtype kept_dtype(aerie_dtype dtype, bool follows_batch) const override {
        return follows_batch ? AERIE_F32 : dtype;
    }

    bool places_temporaries() const override { return false; }

    void pack(Weight& weight, aerie_dtype float_dtype) override {
        pack_weight(weight, float_dtype, arena_,
                    [this](uint32_t count, const auto& body) { parallel_for(count, body); });
    }

    std::shared_ptr<Sampler> make_sampler() override { return std::make_shared<CpuSampler>(); }

    void sampler_write(Sampler& sampler, SamplerInputs inputs) override {
        static_cast<CpuSampler&>(sampler).write(std::move(inputs));
    }

    void sampler_read(Sampler& sampler, const SamplerOutputs& outputs, uint64_t number) override {
        static_cast<CpuSampler&>(sampler).read(outputs, number);
    }

    uint32_t num_workers() const override { return pool_.size(); }

    void check(const aerie::Op& op) const override { check_dtypes(op); }

    void run(const aerie::Op& recorded, uint64_t number) override {
        std::atomic<uint32_t> cursor{0};
        BatchArrays arrays;
        Op op = bind(recorded);
        op.cursor = &cursor;
        if (const Batch* batch = batch_of(op)) {
            arrays = current_arrays(*batch);
            op.rows = &arrays;
        }
        run({&op, 1, 0, number});
        done_.store(number, std::memory_order_release);
    }

    std::unique_ptr<Program> compile(const Tape& tape) override {
        auto program = std::make_unique<CpuProgram>();
        for (const aerie::Op& op : tape.ops) program->ops.push_back(bind(op));
        fuse(program->ops, quantized_);
        place_barriers(program->ops);
        for (const Tape::Limits& used : tape.limits) program->rows.push_back({used.batch, {}});
        program->cursors.reset(new std::atomic<uint32_t>[program->ops.size()]);
        for (size_t i = 0; i < program->ops.size(); ++i) {
            Op& op = program->ops[i];
            op.cursor = &program->cursors[i];
            for (const CpuProgram::Rows& rows : program->rows)
                if (rows.batch == batch_of(op)) op.rows = &rows.arrays;
        }
        return program;
    }

    // A compiled tape runs batches of any size.
    void prepare(Program&, uint32_t, uint32_t, uint32_t) override {}

    void launch(Program& launched, uint64_t number) override {
        auto& program = static_cast<CpuProgram&>(launched);
        for (CpuProgram::Rows& rows : program.rows) rows.arrays = current_arrays(*rows.batch);
        for (size_t i = 0; i < program.ops.size(); ++i) program.cursors[i].store(0, std::memory_order_relaxed);
        run({program.ops.data(), program.ops.size(), ++num_launches_, number});
        done_.store(number, std::memory_order_release);
    }

    // Nothing to wait for: work is done before its number is returned.
    void wait(uint64_t) override {}
    bool is_done(uint64_t number) const override { return number <= done_.load(std::memory_order_acquire); }

  private:
    // An op with its body and the memory it needs.
    Op bind(const aerie::Op& recorded) {
        Op op(recorded);
        op.run = table_->of(op.kind);
        if (op.weight) op.packed = &packed_of(*op.weight);
        if (op.kind == OpKind::linear) reserve_input(op);
        if (op.kind == OpKind::expert_linear) reserve_entries(op);
        if (op.kind == OpKind::attention) {
            splits_.reserve(op.kv->head_dim);
            op.splits = &splits_;
        }
        return op;
    }

    // Room for the quantized or bf16x2 input of a product.
    void reserve_input(Op& op) {
        const uint32_t most_rows = op.slice ? std::min(op.x->capacity, kSliceOutputs) : op.x->capacity;
        for (const PackedPart& part : op.packed->parts) {
            const bool quantized = is_quantized(part.format);
            const bool takes_bf16x2 = table_->takes_bf16x2 && part.format == kPackedBf16;
            if (takes_bf16x2) inputs_.reserve_bf16x2(most_rows, op.x->cols);
            if (quantized) {
                inputs_.reserve(most_rows, op.x->cols);
                for (auto& scratch : scratch_) scratch->input.reserve(kMaxRowsQuantizedPerThread, op.x->cols);
            }
            if (quantized || takes_bf16x2) op.input = &inputs_;
        }
    }

    // Room for the inputs of an expert_linear op in the order of its experts.
    void reserve_entries(Op& op) {
        const size_t top_k = top_k_of(op), most_entries = op.out->capacity * top_k, cols = op.weight->cols;
        for (const PackedPart& part : op.packed->parts) {
            if (is_quantized(part.format))
                inputs_.reserve(most_entries, cols);
            else if (table_->takes_bf16x2 && part.format == kPackedBf16)
                inputs_.reserve_bf16x2(most_entries, cols);
            else
                inputs_.reserve_floats(most_entries, cols);
        }
        op.input = &inputs_;
        const size_t bytes = ExpertEntries::bytes(op.weight->rows * top_k / op.out->cols, op.out->capacity, top_k);
        for (auto& scratch : scratch_)
            if (bytes > scratch->experts.bytes()) scratch->experts = Memory(bytes);
    }

    void run(const TapeRun& run) {
        for (size_t i = 0; i < run.count; ++i)
            if (run.ops[i].sampler) static_cast<CpuSampler*>(run.ops[i].sampler)->begin_draw(run.launch);
        struct Argument {
            CpuBackend* backend;
            const TapeRun* run;
        } argument{this, &run};
        pool_.run(
            [](void* raw, uint32_t thread) {
                const auto [backend, run] = *static_cast<Argument*>(raw);
                run->run(
                    {thread, backend->pool_.size(), &backend->pool_, backend->scratch_[thread].get(), run->launch});
            },
            &argument);
    }

    void parallel_for(uint32_t count, const std::function<void(uint32_t, uint32_t)>& body) {
        struct Run {
            const std::function<void(uint32_t, uint32_t)>* body;
            uint32_t count, num_threads;
        } argument{&body, count, pool_.size()};
        pool_.run(
            [](void* raw, uint32_t thread) {
                const Run& run = *static_cast<Run*>(raw);
                (*run.body)(uint32_t(uint64_t(run.count) * thread / run.num_threads),
                            uint32_t(uint64_t(run.count) * (thread + 1) / run.num_threads));
            },
            &argument);
    }

    const OpTable* table_;
    Pool pool_;
    std::vector<std::unique_ptr<Scratch>> scratch_;
    QuantizedBuffer inputs_, quantized_;
    SplitBuffer splits_;
    Arena arena_;
    uint64_t num_launches_ = 0;
    std::atomic<uint64_t> done_{0};  // number of the last work that is
};

}  // namespace
}  // namespace aerie::cpu

namespace aerie {
std::unique_ptr<Backend> make_backend(int32_t device, uint32_t index, uint32_t num_threads) {
    if (device != AERIE_CPU) fail(AERIE_DEVICE, "context_create: device %d is not built into this library", device);
    if (index) fail(AERIE_DEVICE, "context_create: device_index is %u, the CPU is 0", index);
    return std::make_unique<cpu::CpuBackend>(num_threads);
}
}  // namespace aerie
