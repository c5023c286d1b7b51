#include "sim/runtime.h"

#include <algorithm>

#include "sim/counters.h"
#include "sim/findings.h"
#include "sim/host.h"
#include "sim/inject.h"

namespace aerie::sim {
namespace {

// Recursive: a host function that the queue runs may call what takes it.
std::recursive_mutex& mutex() {
    static auto& one = *new std::recursive_mutex;
    return one;
}

thread_local cudaError_t last_error = cudaSuccess;

std::vector<CUstream_st*>& streams() {
    static auto& all = *new std::vector<CUstream_st*>{new CUstream_st{0, true, {}, nullptr, {}}};
    return all;
}

void add(std::vector<WorkPointer>& to, const std::vector<WorkPointer>& from) {
    for (const WorkPointer& work : from) {
        if (std::find(to.begin(), to.end(), work) == to.end()) to.push_back(work);
    }
}

}  // namespace

RuntimeLock::RuntimeLock() { mutex().lock(); }
RuntimeLock::~RuntimeLock() { mutex().unlock(); }

cudaError_t begin_call(const char* name, DuringCapture during_capture) {
    if (const cudaError_t error = injected(name); error != cudaSuccess) return error;
    if (sticky_error() != cudaSuccess) return sticky_error();
    if (during_capture == DuringCapture::allowed) return cudaSuccess;
    for (CUstream_st* stream : streams()) {
        if (stream->capture && stream->capture->forbids()) {
            return invalidate(*stream, cudaErrorStreamCaptureUnsupported);
        }
    }
    return cudaSuccess;
}

cudaError_t end_call(cudaError_t error) {
    if (error == cudaSuccess) error = sticky_error();
    if (error != cudaSuccess && error != cudaErrorNotReady) last_error = error;
    return error;
}

CUstream_st* find_stream(cudaStream_t handle) {
    if (!handle || handle == cudaStreamLegacy) return streams().front();
    const auto& all = streams();
    return std::find(all.begin() + 1, all.end(), handle) == all.end() ? nullptr : handle;
}

const std::vector<CUstream_st*>& all_streams() { return streams(); }

bool is_default(const CUstream_st& stream) { return &stream == streams().front(); }

cudaError_t invalidate(CUstream_st& stream, cudaError_t error) {
    if (stream.capture->invalid == cudaSuccess) stream.capture->invalid = error;
    return error;
}

cudaError_t submit(CUstream_st& stream, Task task, WorkPointer* out) {
    if (CapturePointer& capture = stream.capture) {
        if (capture->invalid != cudaSuccess) return cudaErrorStreamCaptureInvalidated;
        auto& nodes = capture->graph->nodes;
        nodes.emplace_back(new CUgraphNode_st{std::move(task), stream.captured, {}});
        stream.captured = {nodes.size() - 1};
        return cudaSuccess;
    }
    std::vector<WorkPointer> after = stream.last;
    if (is_default(stream)) {
        for (CUstream_st* other : streams()) {
            if (!other->is_blocking) continue;
            if (other->capture) return invalidate(*other, cudaErrorStreamCaptureImplicit);
            add(after, other->last);
        }
    } else if (stream.is_blocking) {
        add(after, streams().front()->last);
    }
    count_task(task, false);
    WorkPointer work = Queue::get().submit(std::move(task), stream.chain, std::move(after));
    stream.last = {work};
    if (out) *out = std::move(work);
    return cudaSuccess;
}

void wait_for(const std::vector<WorkPointer>& work) {
    count_wait();
    for (const WorkPointer& each : work) {
        Queue::get().finish(*each);
        Queue::get().learn(*each);
    }
}

bool poll(const std::vector<WorkPointer>& work) {
    const auto is_done = [](const WorkPointer& each) { return each->is_done; };
    // Work goes on by itself on a device: who asks often enough sees it done.
    if (!std::all_of(work.begin(), work.end(), is_done)) Queue::get().run_something();
    if (!std::all_of(work.begin(), work.end(), is_done)) return false;
    for (const WorkPointer& each : work) Queue::get().learn(*each);
    return true;
}

}  // namespace aerie::sim

using namespace aerie::sim;

cudaError_t cudaGetLastError() {
    const RuntimeLock lock;
    const cudaError_t error = sticky_error() != cudaSuccess ? sticky_error() : last_error;
    last_error = cudaSuccess;
    return error;
}

cudaError_t cudaPeekAtLastError() {
    const RuntimeLock lock;
    return sticky_error() != cudaSuccess ? sticky_error() : last_error;
}

// Streams are in a list with the default one first.
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaStreamCreateWithFlags"); error != cudaSuccess) return end_call(error);
    if (!stream || flags > cudaStreamNonBlocking) return end_call(cudaErrorInvalidValue);
    *stream = new CUstream_st{Queue::get().new_chain(), flags != cudaStreamNonBlocking, {}, nullptr, {}};
    streams().push_back(*stream);
    return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaStreamDestroy"); error != cudaSuccess) return end_call(error);
    CUstream_st* stream = handle ? find_stream(handle) : nullptr;
    if (!stream || is_default(*stream)) return end_call(cudaErrorInvalidResourceHandle);
    // What was submitted still runs: other streams and the device's wait know it.
    add(streams().front()->last, stream->last);
    streams().erase(std::find(streams().begin(), streams().end(), stream));
    delete stream;
    return cudaSuccess;
}
