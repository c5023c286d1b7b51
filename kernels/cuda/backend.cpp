// The CUDA backend: all work runs on one stream, in the order of calls, and mostly after they returned.
#include "core/backend.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "cuda/completion.h"
#include "cuda/copies.h"
#include "cuda/device_error.h"
#include "cuda/gpu.h"
#include "cuda/loader.h"
#include "cuda/memory.h"
#include "cuda/program.h"
#include "cuda/run_ops.h"
#include "cuda/sampler.h"
#include "cuda/stream.h"
#include "cuda/work_copies.h"

namespace aerie::cuda {

// Blocks of a batch share one in device memory, which is filled in the stream's order (abi/batch.cpp).
const uint8_t* device_block(const Batch& batch) { return static_cast<const uint8_t*>(batch.block().device.address); }

namespace {

#ifdef AERIE_SIM
constexpr int32_t kDevice = AERIE_CUDA_SIM;
#else
constexpr int32_t kDevice = AERIE_CUDA;
#endif

bool is_set(const char* variable) {
    const char* const value = getenv(variable);
    return value && strcmp(value, "1") == 0;
}

class CudaBackend final : public Backend {
  public:
    CudaBackend(uint32_t index, uint32_t num_threads)
        : gpu_(index), memory_(gpu_, stream_), completion_(stream_), num_threads_(num_threads) {}

    std::string describe() const override { return gpu_.describe(); }
    void set_threads(uint32_t num_threads) override { num_threads_ = num_threads; }
    void memory(double& free_bytes, double& total_bytes) const override { gpu_.memory(free_bytes, total_bytes); }

    Buffer allocate(size_t bytes) override {
        return on_device([&] { return memory_.allocate(bytes); });
    }
    void upload(const Buffer& to, size_t offset, const void* from, size_t bytes) override {
        on_device([&] { memory_.upload(to, offset, from, bytes); });
    }
    void download(void* to, const Buffer& from, size_t offset, size_t bytes) override {
        on_device([&] { memory_.download(to, from, offset, bytes); });
        completion_.finish_all();
    }

    size_t appended_bytes(uint32_t max_outputs) const override { return WorkCopies::appended_bytes(max_outputs); }
    // It is copied with what else the next piece of work reads.
    void take_block(Batch& batch) override { batch.awaits_copy = true; }

    void copy_rows(Tensor& tensor, const int32_t* from, const int32_t* to, uint32_t num_rows) override {
        copy("tensor_copy", from, to, num_rows, [&](const int32_t* sources, const int32_t* targets) {
            cuda::copy_rows(tensor, sources, targets, num_rows, stream_);
        });
    }
    void copy_slots(KvPool& kv, const int32_t* from, const int32_t* to, uint32_t num_slots) override {
        copy("kv_copy", from, to, num_slots, [&](const int32_t* sources, const int32_t* targets) {
            cuda::copy_slots(kv, sources, targets, num_slots, stream_);
        });
    }

    // Tensors that follow a batch stay float32, the type kernels add in; others are stored as requested.
    aerie_dtype kept_dtype(aerie_dtype dtype, bool follows_batch) const override {
        return follows_batch ? AERIE_F32 : dtype;
    }

    bool places_temporaries() const override { return true; }

    void pack(Weight& weight, aerie_dtype float_dtype) override {
        on_device([&] {
            pack_weight(weight, float_dtype, loader_,
                        [this](uint32_t count, const auto& body) { parallel_for(count, body); });
            loader_.join(stream_);
        });
    }

    std::shared_ptr<Sampler> make_sampler() override { return std::make_shared<CudaSampler>(); }
    void sampler_write(Sampler& sampler, SamplerInputs inputs) override {
        static_cast<CudaSampler&>(sampler).write(std::move(inputs));
    }
    void sampler_read(Sampler& sampler, const SamplerOutputs& outputs, uint64_t number) override {
        on_device([&] { static_cast<CudaSampler&>(sampler).read(outputs, number, completion_); });
    }

    // A plan of attention is not used: kernels find their items in the batch's block.
    uint32_t num_workers() const override { return 1; }
    void check(const Op& op) const override { check_op(op); }

    void run(const Op& op, uint64_t number) override {
        Batch* const batch = batch_of(op);
        submit({&op, 1}, {&batch, batch ? 1u : 0u}, number, {name_of(op.kind)}, [&] {
            reserve_for({&op, 1});
            run_ops({&op, 1}, launch_on(scratch_, number));
        });
    }

    std::unique_ptr<Program> compile(const Tape& tape) override {
        auto program = std::make_unique<CudaProgram>(tape);
        on_device([&] {
            reserve_for(program->ops());
            reserve(activations_, program->plan().bytes);
        });
        program->place(scratch_, activations_);
        return program;
    }

    void prepare(Program& prepared, uint32_t num_rows, uint32_t num_segments, uint32_t num_outputs) override {
        if (names_ops_) return;
        auto& program = static_cast<CudaProgram&>(prepared);
        on_device([&] {
            program.graphs.capture(program.ops(), launch_on(program.scratch()), {num_rows, num_outputs, num_segments});
        });
    }

    void launch(Program& launched, uint64_t number) override {
        const auto& program = static_cast<const CudaProgram&>(launched);
        submit(program.ops(), program.batches(), number, {"graph_launch", program.ops().size()}, [&] {
            if (const cudaGraphExec_t graph = program.graphs.smallest(program.batches()))
                expect_success(cudaGraphLaunch(graph, stream_), "graph_launch");
            else
                run_ops(program.ops(), launch_on(program.scratch(), number));
        });
    }

    void wait(uint64_t number) override {
        on_device([&] { completion_.wait(number); });
    }
    bool is_done(uint64_t number) const override {
        return on_device([&] { return completion_.is_done(number); });
    }

  private:
    Launch launch_on(const Buffer& scratch, uint64_t number = 0) const {
        return {.stream = stream_,
                .number = number,
                .scratch = scratch.address,
                .scratch_bytes = scratch.bytes,
                .waits_for_each = names_ops_};
    }

    // Calls the runtime by `body`. An error of the device that has failed names the work in flight instead of the call
    // that found it.
    template <class Body>
    std::invoke_result_t<Body&> on_device(Body&& body) const {
        try {
            gpu_.use();
            return body();
        } catch (const DeviceError& error) {
            const std::string work = error.is_lasting && !names_ops_ ? completion_.in_flight() : "";
            if (work.empty()) throw;
            fail(AERIE_DEVICE, "%s: %s (AERIE_CUDA_SYNC=1 names the op)", work.c_str(), error.cause.c_str());
        }
    }

    // Launches a piece of work, which is these ops on these batches, by `body`.
    template <class Body>
    void submit(std::span<const Op> ops, std::span<Batch* const> batches, uint64_t number, WorkName what, Body&& body) {
        on_device([&] {
            try {
                copies_.before(ops, batches, number);
                body();
                copies_.behind(ops);
            } catch (const Error&) {
                // What was launched before uses its objects until it is done, unless the device failed.
                try {
                    completion_.mark(number, what);
                } catch (const Error&) {
                }
                throw;
            }
            completion_.mark(number, what);
        });
    }

    // Copies between rows or slots by `launch`, which takes the indices in device memory.
    template <class Launch>
    void copy(const char* name, const int32_t* from, const int32_t* to, uint32_t count, Launch&& launch) {
        on_device([&] {
            const int32_t* indices = upload_indices(from, to, count);
            completion_.note({name});
            launch(indices, indices + count);
            if (names_ops_) expect_success(cudaStreamSynchronize(stream_), name);
        });
    }

    // Allocates what ops use besides their operands.
    void reserve_for(std::span<const Op> ops) {
        for (const Op& op : ops) {
            reserve(scratch_, scratch_bytes(op));
            if (op.sampler) static_cast<CudaSampler*>(op.sampler)->reserve(memory_);
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
    WorkCopies copies_{memory_, stream_};
    Loader loader_{memory_};
    mutable Completion completion_;
    Buffer scratch_, activations_, indices_;
    // Waits for every op, and launches no graphs, so that an op that fails is known.
    const bool names_ops_ = is_set("AERIE_CUDA_SYNC");
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
