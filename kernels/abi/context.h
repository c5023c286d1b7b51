// The context behind aerie_context_*, and the guard every entry of aerie.h runs in.
#pragma once
#include <condition_variable>
#include <cstring>
#include <new>
#include <string>
#include <thread>

#include "abi/handles.h"
#include "core/backend.h"
#include "core/crash.h"
#include "core/work_queue.h"

namespace aerie {

struct Context : std::enable_shared_from_this<Context> {
    explicit Context(std::unique_ptr<Backend> made) : backend(std::move(made)), queue(*backend) {}

    // Declared first so that it is destroyed last: objects may hold memory that the backend allocated.
    std::unique_ptr<Backend> backend;
    WorkQueue queue;
    HandleTable<Object> objects;
    std::mutex mutex;                  // one call at a time
    std::condition_variable recorded;  // a recording has ended
    std::mutex error_mutex;
    std::string error;
    std::string failure;  // of the device: all that is not released refuses to go on
    uint32_t num_threads = 1;
    std::shared_ptr<Graph> recording;           // null: ops run
    std::thread::id recorder;                   // of the recording: only this thread's calls run meanwhile
    std::vector<std::shared_ptr<Object>> used;  // by this call, or by what is being recorded

    // Throws AERIE_DEVICE if the device failed before: what is in its memory is not known any more.
    void expect_device() {
        std::lock_guard lock(error_mutex);
        if (!failure.empty()) throw Error(AERIE_DEVICE, failure);
    }

    // The object behind a handle; `op` and `name` are for the error text.
    template <class T>
    T& use(uint32_t handle, const char* op, const char* name) {
        std::shared_ptr<Object> object = objects.get(handle);
        T* typed = dynamic_cast<T*>(object.get());
        if (!typed) fail(AERIE_BAD_HANDLE, "%s: %s is not a live handle of its kind: %u", op, name, handle);
        used.push_back(std::move(object));
        return *typed;
    }

    // The same with shared ownership, for objects that keep the other one alive.
    template <class T>
    std::shared_ptr<T> share(uint32_t handle, const char* op, const char* name) {
        use<T>(handle, op, name);
        return std::static_pointer_cast<T>(used.back());
    }

    // Runs an op whose shapes were checked, or records it.
    void submit(const Op& op);
    // Before an op is run: gives a temporary tensor that it writes memory of its own, and throws AERIE_UNSUPPORTED if
    // it reads one that no such op wrote.
    void hold_temporaries(const Op& op);

    // Recording by this thread. It ends with the thread at the latest, so that nobody waits for ever.
    void begin_recording();
    // What was recorded so far, with the objects it uses; null if nothing was being recorded.
    std::shared_ptr<Graph> end_recording();

    template <class T>
    void release(uint32_t handle, const char* op) {
        if (!dynamic_cast<T*>(objects.get(handle).get()))
            fail(AERIE_BAD_HANDLE, "%s: not a live handle: %u", op, handle);
        objects.remove(handle);
    }
};

std::shared_ptr<Context> find_context(uint32_t handle);

inline void copy_text(char* text, uint32_t capacity, const std::string& source) {
    if (!text || !capacity) return;
    const size_t n = std::min<size_t>(source.size(), capacity - 1);
    memcpy(text, source.data(), n);
    text[n] = 0;
}

// A context's lock for one call, which waits for other threads' recordings and lets go of the objects it used.
class Call {
  public:
    explicit Call(Context& context, bool needs_device = true) : lock_(context.mutex), context_(context) {
        context.recorded.wait(lock_,
                              [&] { return !context.recording || context.recorder == std::this_thread::get_id(); });
        if (needs_device) context.expect_device();
    }
    ~Call() {
        if (!context_.recording) context_.used.clear();
    }
    Call(const Call&) = delete;

  private:
    std::unique_lock<std::mutex> lock_;
    Context& context_;
};

// Of calls that are made behind a failure of the device, too.
struct CleanupCall : Call {
    explicit CleanupCall(Context& context) : Call(context, false) {}
};

// No lock, for calls that may come while another runs (aerie_wait and aerie_poll).
struct UnlockedCall {
    explicit UnlockedCall(Context& context) { context.expect_device(); }
};

// Runs body(context); turns exceptions into a status and keeps their text in the context. `name` is the caller's.
template <class Lock = Call, class Body>
int32_t guard(uint32_t handle, Body&& body, const char* name = __builtin_FUNCTION()) {
    const RunningCall call(name);
    std::shared_ptr<Context> context = find_context(handle);
    if (!context) return AERIE_BAD_HANDLE;
    const auto failed = [&](aerie_status status, const char* text) {
        std::lock_guard lock(context->error_mutex);
        context->error = text;
        if (status == AERIE_DEVICE && context->failure.empty()) context->failure = text;
        return status;
    };
    try {
        const Lock lock(*context);
        body(*context);
        return AERIE_OK;
    } catch (const Error& error) {
        return failed(error.status, error.what());
    } catch (const std::bad_alloc&) {
        return failed(AERIE_OUT_OF_MEMORY, "out of memory");
    } catch (const std::exception& error) {
        return failed(AERIE_INTERNAL, error.what());
    } catch (...) {
        return failed(AERIE_INTERNAL, "unknown exception");
    }
}

// Throws unless a tensor exists outside of graphs.
inline void expect_kept(const char* op, const Tensor& tensor) {
    if (tensor.is_temporary) fail(AERIE_UNSUPPORTED, "%s: a temporary tensor exists only while a graph runs", op);
}

// Checks a copy of rows: all indices below `num_rows`, and nothing is being recorded.
inline void check_copies(const Context& context, const char* op, const int32_t* from, const int32_t* to, uint32_t count,
                         uint64_t num_rows) {
    if (context.recording) fail(AERIE_BAD_ARGUMENT, "%s: a graph is being recorded", op);
    if (count && (!from || !to)) fail(AERIE_BAD_ARGUMENT, "%s: from or to is null", op);
    for (uint32_t i = 0; i < count; ++i)
        if (from[i] < 0 || to[i] < 0 || uint64_t(from[i]) >= num_rows || uint64_t(to[i]) >= num_rows)
            fail(AERIE_BAD_ARGUMENT, "%s: row %d to %d of %llu", op, from[i], to[i], (unsigned long long)num_rows);
}

}  // namespace aerie
