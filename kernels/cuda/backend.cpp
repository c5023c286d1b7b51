// The CUDA backend: all work runs on one stream, in the order of calls, and mostly after they returned.
#include "core/backend.h"

#include <algorithm>
#include <thread>

#include "core/error.h"
#include "cuda/completion.h"
#include "cuda/copies.h"
#include "cuda/gpu.h"
#include "cuda/graph.h"
#include "cuda/memory.h"
#include "cuda/run_ops.h"
#include "cuda/sampler.h"
#include "cuda/stream.h"

namespace aerie::cuda {

// Blocks of a batch share one in device memory, which is filled in the stream's order (abi/batch.cpp).
const uint8_t* device_block(const Batch& batch) { return static_cast<const uint8_t*>(batch.block().device.address); }

namespace {

#ifdef AERIE_SIM
constexpr int32_t kDevice = AERIE_CUDA_SIM;
#else
constexpr int32_t kDevice = AERIE_CUDA;
#endif

// A tape's ops, launched one by one, and graphs of them for batches of certain sizes.
struct CudaProgram final : Program {
    std::vector<Op> ops;
    std::vector<Batch*> batches;
    Buffer scratch;  // its address is in the graphs
    Graphs graphs;
};

class CudaBackend final : public Backend {
  public:
    CudaBackend(uint32_t index, uint32_t num_threads)
        : gpu_(index), memory_(gpu_, stream_), completion_(stream_), num_threads_(num_threads) {}

    std::string describe() const override { return gpu_.describe(); }
    void set_threads(uint32_t num_threads) override { num_threads_ = num_threads; }
    void memory(double& free_bytes, double& total_bytes) const override { gpu_.memory(free_bytes, total_bytes); }

    Buffer allocate(size_t bytes) override { return memory_.allocate(bytes); }
    void upload(const Buffer& to, size_t offset, const void* from, size_t bytes) override {
        memory_.upload(to, offset, from, bytes);
    }
    void download(void* to, const Buffer& from, size_t offset, size_t bytes) override {
        memory_.download(to, from, offset, bytes);
    }

    void copy_rows(Tensor& tensor, const int32_t* from, const int32_t* to, uint32_t num_rows) override {
        const int32_t* indices = upload_indices(from, to, num_rows);
        cuda::copy_rows(tensor, indices, indices + num_rows, num_rows, stream_);
    }
    void copy_slots(KvPool& kv, const int32_t* from, const int32_t* to, uint32_t num_slots) override {
        const int32_t* indices = upload_indices(from, to, num_slots);
        cuda::copy_slots(kv, indices, indices + num_slots, num_slots, stream_);
    }

    // Tensors that follow a batch stay float32, the type kernels add in; others are stored as requested.
    aerie_dtype kept_dtype(aerie_dtype dtype, bool follows_batch) const override {
        return follows_batch ? AERIE_F32 : dtype;
    }

    void pack(Weight& weight, aerie_dtype float_dtype) override {
        pack_weight(weight, float_dtype, memory_,
                    [this](uint32_t count, const auto& body) { parallel_for(count, body); });
    }

    std::shared_ptr<Sampler> make_sampler() override { return std::make_shared<CudaSampler>(); }
    void sampler_write(Sampler& sampler, const SamplerInputs& inputs) override {
        static_cast<CudaSampler&>(sampler).write(inputs);
    }
    void sampler_read(Sampler& sampler, const SamplerOutputs& outputs, uint64_t number) override {
        static_cast<CudaSampler&>(sampler).read(outputs, number, completion_);
    }

    // A plan of attention is not used: kernels find their items in the batch's block.
    uint32_t num_workers() const override { return 1; }
    void check(const Op& op) const override { check_op(op); }

    void run(const Op& op, uint64_t number) override {
        reserve_for({&op, 1});
        submit({&op, 1}, number, name_of(op.kind), [&] { run_ops({&op, 1}, launch_on(scratch_, number)); });
    }

    std::unique_ptr<Program> compile(const Tape& tape) override {
        auto program = std::make_unique<CudaProgram>();
        program->ops = tape.ops;
        for (const Tape::Limits& used : tape.limits) program->batches.push_back(used.batch);
        reserve_for(program->ops);
        program->scratch = scratch_;
        return program;
    }

    void prepare(Program& prepared, uint32_t num_rows, uint32_t num_segments, uint32_t num_outputs) override {
        auto& program = static_cast<CudaProgram&>(prepared);
        gpu_.use();
        program.graphs.capture(program.ops, launch_on(program.scratch), {num_rows, num_outputs, num_segments});
    }

    void launch(Program& launched, uint64_t number) override {
        const auto& program = static_cast<const CudaProgram&>(launched);
        submit(program.ops, number, "graph_launch", [&] {
            if (const cudaGraphExec_t graph = program.graphs.smallest(program.batches))
                expect_success(cudaGraphLaunch(graph, stream_), "graph_launch");
            else
                run_ops(program.ops, launch_on(program.scratch, number));
        });
    }

    void wait(uint64_t number) override { completion_.wait(number); }
    bool is_done(uint64_t number) const override { return completion_.is_done(number); }

  private:
    Launch launch_on(const Buffer& scratch, uint64_t number = 0) const {
        return {.stream = stream_, .number = number, .scratch = scratch.address, .scratch_bytes = scratch.bytes};
    }

    // Launches a piece of work, which is these ops, by `body`.
    template <class Body>
    void submit(std::span<const Op> ops, uint64_t number, const char* what, Body&& body) {
        gpu_.use();
        try {
            for (const Op& op : ops)
                if (op.sampler) sampler_of(op).begin_draw(number, num_rows_of(*op.x), memory_);
            body();
            for (const Op& op : ops)
                if (op.sampler) sampler_of(op).end_draw(stream_);
        } catch (const Error&) {
            // What was launched before uses its objects until it is done, unless the device failed.
            try {
                completion_.mark(number, what);
            } catch (const Error&) {
            }
            throw;
        }
        completion_.mark(number, what);
    }

    static CudaSampler& sampler_of(const Op& op) { return *static_cast<CudaSampler*>(op.sampler); }

    // Rows of a tensor that ops work on, by the batch as last written.
    static uint32_t num_rows_of(const Tensor& tensor) {
        if (!tensor.batch) return tensor.capacity;
        const BatchCounts& counts = tensor.batch->block().counts;
        return tensor.scope == AERIE_ROWS ? counts.num_rows : counts.num_outputs;
    }

    // Allocates what ops use besides their operands.
    void reserve_for(std::span<const Op> ops) {
        for (const Op& op : ops) {
            reserve(scratch_, scratch_bytes(op));
            if (op.sampler) sampler_of(op).reserve(memory_);
        }
    }

    // Memory that the stream's work uses, one piece after another. What was there before lives as long as programs that
    // were compiled for it.
    void reserve(Buffer& buffer, size_t bytes) {
        if (bytes > buffer.bytes) buffer = memory_.allocate(bytes);
    }

    const int32_t* upload_indices(const int32_t* from, const int32_t* to, uint32_t count) {
        const size_t bytes = count * sizeof(int32_t);
        reserve(indices_, 2 * bytes);
        memory_.upload(indices_, 0, from, bytes);
        memory_.upload(indices_, bytes, to, bytes);
        return static_cast<const int32_t*>(indices_.address);
    }

    // Calls body(first, last) for shares of `count` on all threads, for the host's part of loading.
    void parallel_for(uint32_t count, const std::function<void(uint32_t, uint32_t)>& body) {
        const uint32_t num_shares = std::clamp(count, 1u, num_threads_);
        const auto share = [&](uint32_t i) { return uint32_t(uint64_t(count) * i / num_shares); };
        std::vector<std::jthread> threads;
        for (uint32_t i = 1; i < num_shares; ++i) threads.emplace_back([&, i] { body(share(i), share(i + 1)); });
        body(share(0), share(1));
    }

    const Gpu gpu_;
    const Stream stream_;
    DeviceMemory memory_;
    mutable Completion completion_;
    Buffer scratch_, indices_;
    uint32_t num_threads_;
};

}  // namespace
}  // namespace aerie::cuda

namespace aerie {
std::unique_ptr<Backend> make_backend(int32_t device, uint32_t index, uint32_t num_threads) {
    if (device != cuda::kDevice) fail(AERIE_DEVICE, "context_create: device %d is not built into this library", device);
    return std::make_unique<cuda::CudaBackend>(index, num_threads);
}
}  // namespace aerie
