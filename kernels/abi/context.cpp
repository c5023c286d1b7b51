// aerie_context_* of aerie.h.
#include "abi/context.h"

namespace aerie {
namespace {
HandleTable<Context>& contexts() {
    // Never destroyed: a process may exit while Workers are still in calls.
    static auto* const table = new HandleTable<Context>;
    return *table;
}
std::mutex create_error_mutex;
std::string create_error;

// The contexts in which this thread began to record. What it has not ended when it dies is dropped.
struct Recordings {
    std::vector<std::weak_ptr<Context>> contexts;

    ~Recordings() {
        for (const auto& weak : contexts) {
            const std::shared_ptr<Context> context = weak.lock();
            if (!context) continue;
            std::lock_guard lock(context->mutex);
            if (context->recorder == std::this_thread::get_id()) context->end_recording();
        }
    }
};
thread_local Recordings recordings;
}  // namespace

std::shared_ptr<Context> find_context(uint32_t handle) { return contexts().get(handle); }

void Context::begin_recording() {
    std::erase_if(recordings.contexts, [&](const auto& weak) {
        const std::shared_ptr<Context> context = weak.lock();
        return !context || context.get() == this;
    });
    recordings.contexts.push_back(weak_from_this());
    recording = std::make_shared<Graph>();
    recorder = std::this_thread::get_id();
}

std::shared_ptr<Graph> Context::end_recording() {
    if (recording) recording->objects = std::move(used);
    recorder = {};
    recorded.notify_all();
    return std::exchange(recording, nullptr);
}

void Context::hold_temporaries(const Op& op) {
    Op read = op;
    read.out = nullptr;
    for_tensors(read, [&](const Tensor* tensor) {
        if (tensor->is_temporary && !tensor->is_written)
            fail(AERIE_UNSUPPORTED, "%s: reads a temporary tensor that no op outside of graphs wrote before",
                 name_of(op.kind));
    });
    if (!op.out || !op.out->is_temporary) return;
    if (!op.out->buffer.bytes) op.out->buffer = backend->allocate(op.out->bytes());
    op.out->is_written = true;
}

void Context::submit(const Op& op) {
    backend->check(op);
    if (recording) {
        recording->tape.add(op);
        return;
    }
    hold_temporaries(op);
    Batch* const batch = batch_of(op);
    if (batch) {
        BatchBlock& block = batch->block();
        if (is_sliced(op) && block.counts.num_outputs > kSliceOutputs)
            fail(AERIE_BAD_SHAPE, "%s: %u outputs are several slices, which only a graph runs", name_of(op.kind),
                 block.counts.num_outputs);
        const BatchLimits limits = limits_of(op);
        check_sources(name_of(op.kind), block.counts, limits);
        check_limits(name_of(op.kind), block.arrays(), limits);
    }
    AttentionPlan plan;
    Op planned = op;
    if (op.kind == OpKind::attention) {
        plan_batch(plan, *op.batch, op.num_heads, op.kv->num_kv_heads, op.window, backend->num_workers());
        planned.plan = &plan;
    }
    const uint64_t number = queue.push(used);
    if (batch) batch->block().last_use = number;
    backend->run(planned, number);
    queue.retire();
}
}  // namespace aerie

using namespace aerie;

int32_t aerie_abi_version(void) { return AERIE_ABI_VERSION; }

int32_t entry::aerie_context_create(uint32_t* out, int32_t device, uint32_t device_index, uint32_t num_threads) {
    const auto failed = [](aerie_status status, const char* text) {
        std::lock_guard lock(create_error_mutex);
        create_error = text;
        return status;
    };
    install_crash_handlers();
    const RunningCall call("aerie_context_create");
    try {
        if (!out) fail(AERIE_BAD_ARGUMENT, "context_create: context is null");
        if (num_threads < 1 || num_threads > 255)
            fail(AERIE_BAD_ARGUMENT, "context_create: num_threads is %u, expected 1..255", num_threads);
        auto context = std::make_shared<Context>(make_backend(device, device_index, num_threads));
        context->num_threads = num_threads;
        *out = contexts().add(std::move(context));
        return AERIE_OK;
    } catch (const Error& error) {
        return failed(error.status, error.what());
    } catch (const std::exception& error) {
        return failed(AERIE_INTERNAL, error.what());
    }
}

int32_t entry::aerie_context_set_threads(uint32_t handle, uint32_t num_threads) {
    return guard(handle, [&](Context& context) {
        if (!num_threads || num_threads > context.num_threads)
            fail(AERIE_BAD_ARGUMENT, "context_set_threads: num_threads is %u, expected 1..%u", num_threads,
                 context.num_threads);
        context.backend->set_threads(num_threads);
    });
}

int32_t entry::aerie_context_destroy(uint32_t handle) {
    const RunningCall call("aerie_context_destroy");
    const std::shared_ptr<Context> context = contexts().remove(handle);
    if (!context) return AERIE_BAD_HANDLE;
    // Calls that wait for a recording hold on to the context; nobody can end it any more.
    std::lock_guard lock(context->mutex);
    context->end_recording();
    return AERIE_OK;
}

int32_t aerie_context_error(uint32_t handle, char* text, uint32_t capacity) {
    if (!handle) {
        std::lock_guard lock(create_error_mutex);
        copy_text(text, capacity, create_error);
        return AERIE_OK;
    }
    std::shared_ptr<Context> context = find_context(handle);
    if (!context) return AERIE_BAD_HANDLE;
    std::lock_guard lock(context->error_mutex);
    copy_text(text, capacity, context->error);
    return AERIE_OK;
}

int32_t aerie_context_describe(uint32_t handle, char* text, uint32_t capacity) {
    return guard(handle, [&](Context& context) { copy_text(text, capacity, context.backend->describe()); });
}

int32_t aerie_context_memory(uint32_t handle, double* free_bytes, double* total_bytes) {
    return guard(handle, [&](Context& context) {
        if (!free_bytes || !total_bytes) fail(AERIE_BAD_ARGUMENT, "context_memory: free_bytes or total_bytes is null");
        context.backend->memory(*free_bytes, *total_bytes);
    });
}
