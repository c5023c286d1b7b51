// The CPU backend: ops run at once on the thread pool, or are recorded onto a tape that one call replays.
#include <algorithm>

#include "core/backend.h"
#include "core/error.h"
#include "cpu/free_memory.h"
#include "cpu/kv_cache.h"
#include "cpu/ops.h"
#include "cpu/pack.h"
#include "cpu/sampler.h"
#include "cpu/tape.h"

namespace aerie::cpu {

void ActivationBuffer::reserve(size_t rows, size_t cols) {
    const size_t blocks = cols / kBlock, stride = (rows + 15) / 16 * 16;
    const size_t bytes = blocks * (rows * kBlock + 3 * stride * sizeof(float)) + 64;
    if (bytes > memory.bytes()) memory = Memory(bytes);
}

void ActivationBuffer::reserve_split(size_t rows, size_t cols) {
    // Tiles are read whole, whatever rows there are.
    const size_t bytes = (rows + 16) * 2 * whole_blocks(uint32_t(cols)) * sizeof(uint16_t);
    if (bytes > split.bytes()) split = Memory(bytes);
}

Activations ActivationBuffer::layout(uint32_t rows, uint32_t cols) const {
    const size_t blocks = cols / kBlock;
    const uint32_t stride = rows <= kPrivateRows ? rows : (rows + 15) / 16 * 16;
    uint8_t* at = memory.data();
    float* numbers = reinterpret_cast<float*>(at + (blocks * rows * kBlock + 63) / 64 * 64);
    return {rows,
            stride,
            reinterpret_cast<int8_t*>(at),
            numbers,
            numbers + blocks * stride,
            reinterpret_cast<int32_t*>(numbers + 2 * blocks * stride)};
}

namespace {

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

    void pack(Weight& weight, aerie_dtype float_dtype) override {
        pack_weight(weight, float_dtype, arena_,
                    [this](uint32_t count, const auto& body) { parallel_for(count, body); });
    }

    void kv_move(KvPool& kv, const int32_t* from, const int32_t* to, uint32_t num_slots) override {
        parallel_for(kv.num_layers * kv.num_kv_heads, [&](uint32_t first, uint32_t last) {
            for (uint32_t i = first; i < last; ++i) move_kv(kv, i, from, to, num_slots);
        });
    }

    std::shared_ptr<Sampler> make_sampler() override { return std::make_shared<CpuSampler>(); }

    void sampler_write(Sampler& sampler, const SamplerInputs& inputs) override {
        static_cast<CpuSampler&>(sampler).write(inputs);
    }

    void sampler_read(Sampler& sampler, const SamplerOutputs& outputs, uint64_t launch, uint32_t num_rows) override {
        static_cast<CpuSampler&>(sampler).read(outputs, launch, num_rows);
    }

    void graph_begin() override { tape_ = std::make_shared<Tape>(); }

    std::shared_ptr<Graph> graph_end() override {
        std::shared_ptr<Tape> tape = std::move(tape_);
        for (const Op& op : tape->ops)
            if (adds_check(tape->checks, op)) tape->checks.push_back(op);
        fuse(tape->ops, *table_, handed_over_);
        place_barriers(tape->ops);
        tape->cursors.reset(new std::atomic<uint32_t>[tape->ops.size()]);
        for (size_t i = 0; i < tape->ops.size(); ++i) {
            tape->ops[i].cursor = &tape->cursors[i];
            set_plan(tape->ops[i], tape->plans);
        }
        return tape;
    }

    void graph_replay(Graph& graph) override {
        auto& tape = static_cast<Tape&>(graph);
        for (const Op& op : tape.checks) check(op);
        for (size_t i = 0; i < tape.ops.size(); ++i) tape.cursors[i].store(0, std::memory_order_relaxed);
        tape.plans.make(pool_.size());
        run({table_, tape.ops.data(), tape.ops.size(), ++num_replays_, ++num_launches_});
    }

    void embedding(Tensor& out, const Batch& batch, const Weight& weight) override {
        Op op{.run = table_->embedding, .out = &out, .weight = &weight, .batch = &batch};
        submit(op);
    }

    void rms_norm(Tensor& out, const Tensor& x, const Tensor& weight, float eps) override {
        Op op{.run = table_->rms_norm, .out = &out, .x = &x, .y = &weight, .scalar = eps};
        submit(op);
    }

    void linear(Tensor& out, const Tensor& x, const Weight& weight, const Tensor* residual) override {
        Op op{.run = table_->linear, .out = &out, .x = &x, .y = residual, .weight = &weight};
        bool quantised = false;
        for (const WeightPart& part : weight.parts) {
            const bool splits = table_ == amx_ops() && part.packed_format == kPackedBf16;
            if (is_quantised(part.packed_format)) quantised = true;
            if (splits) activations_.reserve_split(x.capacity, x.cols);
            if (quantised || splits) op.activations = &activations_;
        }
        if (quantised) {
            activations_.reserve(x.capacity, x.cols);
            for (auto& scratch : scratch_) scratch->activations.reserve(kPrivateRows, x.cols);
        }
        submit(op);
    }

    void rope_angles(Tensor& out, const Batch& batch, const Tensor& inv_freq) override {
        Op op{.run = table_->rope_angles, .out = &out, .x = &inv_freq, .batch = &batch};
        submit(op);
    }

    void rope(Tensor& x, const Tensor& angles, uint32_t num_heads, uint32_t head_dim) override {
        Op op{.run = table_->rope, .out = &x, .x = &x, .y = &angles, .num_heads = num_heads, .head_dim = head_dim};
        submit(op);
    }

    void kv_store(KvPool& kv, const Tensor& qkv, const Batch& batch, uint32_t layer, uint32_t num_heads) override {
        Op op{.run = table_->kv_store, .x = &qkv, .kv = &kv, .batch = &batch, .layer = layer, .num_heads = num_heads};
        submit(op);
    }

    void attention(Tensor& out, const Tensor& qkv, const KvPool& kv, const Batch& batch, uint32_t layer,
                   uint32_t num_heads, float scale) override {
        splits_.reserve(kv.head_dim);
        Op op{.run = table_->attention,
              .out = &out,
              .x = &qkv,
              .kv = const_cast<KvPool*>(&kv),
              .batch = &batch,
              .splits = &splits_,
              .layer = layer,
              .num_heads = num_heads,
              .scalar = scale};
        submit(op);
    }

    void silu_mul(Tensor& out, const Tensor& x) override {
        Op op{.run = table_->silu_mul, .out = &out, .x = &x};
        submit(op);
    }

    void gather_outputs(Tensor& out, const Tensor& x, const Batch& batch) override {
        Op op{.run = table_->gather_outputs, .out = &out, .x = &x, .batch = &batch};
        submit(op);
    }

    void gather_rows(Tensor& out, const Tensor& x, const Batch& batch, uint32_t column) override {
        Op op{.run = table_->gather_rows, .out = &out, .x = &x, .batch = &batch, .column = column};
        submit(op);
    }

    void store_rows(Tensor& out, const Tensor& x, const Batch& batch, uint32_t column) override {
        Op op{.run = table_->store_rows, .out = &out, .x = &x, .batch = &batch, .column = column};
        submit(op);
    }

    void add_bias(Tensor& x, const Tensor& bias) override {
        Op op{.run = table_->add_bias, .out = &x, .x = &x, .y = &bias};
        submit(op);
    }

    void sample(Sampler& sampler, Tensor& logits) override {
        Op op{.run = table_->sample, .out = &logits, .x = &logits, .sampler = &sampler};
        submit(op);
    }

  private:
    void submit(Op op) {
        if (tape_) {
            tape_->ops.push_back(op);
            return;
        }
        std::atomic<uint32_t> cursor{0};
        op.cursor = &cursor;
        check(op);
        AttentionPlans plans;
        set_plan(op, plans);
        plans.make(pool_.size());
        run({table_, &op, 1, 0, ++num_launches_});
    }

    void set_plan(Op& op, AttentionPlans& plans) const {
        if (op.run == table_->attention) op.plan = plans.of(*op.batch, op.num_heads, op.kv->num_kv_heads);
    }

    // Whether an op must be checked before every replay; layers share batch and pool, so one of them is enough.
    bool adds_check(const std::vector<Op>& checks, const Op& op) const {
        const OpBody indexing[] = {table_->embedding, table_->kv_store, table_->attention, table_->gather_rows,
                                   table_->store_rows};
        const bool checked = std::find(std::begin(indexing), std::end(indexing), op.run) != std::end(indexing);
        return checked && std::none_of(checks.begin(), checks.end(), [&](const Op& other) {
                   return other.run == op.run && other.batch == op.batch && other.kv == op.kv &&
                          other.weight == op.weight && other.x == op.x && other.out == op.out;
               });
    }

    // What the kernels index with must lie inside what they index.
    void check(const Op& op) const {
        if (op.run == table_->embedding) {
            for (uint32_t i = 0; i < op.batch->num_rows; ++i)
                if (op.batch->tokens[i] >= int64_t(op.weight->rows))
                    fail(AERIE_BAD_ARGUMENT, "embedding: token %d of %u", op.batch->tokens[i], op.weight->rows);
        } else if (op.run == table_->kv_store) {
            const int64_t slots = int64_t(op.kv->num_pages) * op.kv->page_size;
            for (uint32_t i = 0; i < op.batch->num_rows; ++i)
                if (op.batch->slots[i] >= slots)
                    fail(AERIE_BAD_ARGUMENT, "kv_store: slot %d of %lld", op.batch->slots[i], (long long)slots);
        } else if (op.run == table_->attention) {
            check_attention(*op.batch, *op.kv);
        } else if (op.run == table_->gather_rows) {
            if (op.batch->num_sources != op.batch->num_rows)
                fail(AERIE_BAD_ARGUMENT, "gather_rows: %u sources of %u rows", op.batch->num_sources,
                     op.batch->num_rows);
            for (uint32_t i = 0; i < op.batch->num_rows; ++i)
                if (op.batch->sources[i] >= int64_t(op.x->capacity))
                    fail(AERIE_BAD_ARGUMENT, "gather_rows: source %d of %u", op.batch->sources[i], op.x->capacity);
        } else if (op.run == table_->store_rows) {
            for (uint32_t i = 0; i < op.batch->num_rows; ++i)
                if (op.batch->slots[i] >= int64_t(op.out->capacity))
                    fail(AERIE_BAD_ARGUMENT, "store_rows: slot %d of %u", op.batch->slots[i], op.out->capacity);
        }
    }

    static void check_attention(const Batch& batch, const KvPool& kv) {
        const size_t entries = size_t(batch.num_segments) * batch.pages_per_segment;
        for (size_t i = 0; i < entries; ++i)
            if (batch.page_table[i] < 0 || batch.page_table[i] >= int32_t(kv.num_pages))
                fail(AERIE_BAD_ARGUMENT, "attention: page %d of %u", batch.page_table[i], kv.num_pages);
        const int64_t reach = int64_t(batch.pages_per_segment) * kv.page_size;
        for (uint32_t i = 0; i < batch.num_rows; ++i) {
            const uint64_t tree = batch.tree_masks[i];
            const int64_t last = int64_t(batch.visible[i]) + (tree ? 64 - __builtin_clzll(tree) : 0);
            if (last > reach || !last)
                fail(AERIE_BAD_ARGUMENT, "attention: row %u sees %lld of %lld entries", i, (long long)last,
                     (long long)reach);
        }
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
    ActivationBuffer activations_, handed_over_;
    SplitBuffer splits_;
    Arena arena_;
    std::shared_ptr<Tape> tape_;
    uint64_t num_replays_ = 0, num_launches_ = 0;
};

}  // namespace
}  // namespace aerie::cpu

namespace aerie {
std::unique_ptr<Backend> make_cpu_backend(uint32_t num_threads) {
    return std::make_unique<cpu::CpuBackend>(num_threads);
}
}  // namespace aerie
