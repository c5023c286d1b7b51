// Functions of the runtime that order and wait for work: streams and events.
#include <algorithm>

#include "sim/counters.h"
#include "sim/host.h"
#include "sim/runtime.h"

using namespace aerie::sim;

namespace {

void add_captured(std::vector<size_t>& to, const std::vector<size_t>& nodes) {
    for (const size_t node : nodes) {
        if (std::find(to.begin(), to.end(), node) == to.end()) to.push_back(node);
    }
}

}  // namespace

cudaError_t cudaDeviceSynchronize() {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaDeviceSynchronize", DuringCapture::forbidden); error != cudaSuccess) {
        return end_call(error);
    }
    count_wait();
    Queue::get().finish_all();
    return end_call(cudaSuccess);
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaStreamSynchronize"); error != cudaSuccess) return end_call(error);
    CUstream_st* stream = find_stream(handle);
    if (!stream) return end_call(cudaErrorInvalidResourceHandle);
    if (stream->capture) return end_call(invalidate(*stream, cudaErrorStreamCaptureUnsupported));
    wait_for(stream->last);
    return end_call(cudaSuccess);
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaStreamQuery"); error != cudaSuccess) return end_call(error);
    CUstream_st* stream = find_stream(handle);
    if (!stream) return end_call(cudaErrorInvalidResourceHandle);
    if (stream->capture) return end_call(invalidate(*stream, cudaErrorStreamCaptureUnsupported));
    return end_call(poll(stream->last) ? cudaSuccess : cudaErrorNotReady);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaStreamWaitEvent"); error != cudaSuccess) return end_call(error);
    CUstream_st* stream = find_stream(handle);
    if (!stream || !event) return end_call(cudaErrorInvalidResourceHandle);
    if (event->capture) {
        if (stream->capture && stream->capture != event->capture) {
            return end_call(invalidate(*stream, cudaErrorStreamCaptureMerge));
        }
        // The stream joins the capture.
        stream->capture = event->capture;
        add_captured(stream->captured, event->captured);
        return cudaSuccess;
    }
    if (stream->capture) return end_call(invalidate(*stream, cudaErrorStreamCaptureIsolation));
    // Both the work before and the event's.
    for (const WorkPointer& work : event->work) {
        if (std::find(stream->last.begin(), stream->last.end(), work) == stream->last.end())
            stream->last.push_back(work);
    }
    return end_call(cudaSuccess);
}

cudaError_t cudaLaunchHostFunc(cudaStream_t handle, cudaHostFn_t function, void* data) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaLaunchHostFunc"); error != cudaSuccess) return end_call(error);
    CUstream_st* stream = find_stream(handle);
    if (!stream) return end_call(cudaErrorInvalidResourceHandle);
    Task task;
    task.kind = Kind::host_function;
    task.function = function;
    task.data = data;
    return end_call(submit(*stream, std::move(task)));
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaEventCreateWithFlags"); error != cudaSuccess) return end_call(error);
    *event = new CUevent_st;
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaEventDestroy"); error != cudaSuccess) return end_call(error);
    if (!event) return end_call(cudaErrorInvalidResourceHandle);
    delete event;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaEventRecord"); error != cudaSuccess) return end_call(error);
    CUstream_st* stream = find_stream(handle);
    if (!stream || !event) return end_call(cudaErrorInvalidResourceHandle);
    event->work = stream->last;
    event->capture = stream->capture;
    event->captured = stream->captured;
    return end_call(cudaSuccess);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaEventSynchronize"); error != cudaSuccess) return end_call(error);
    if (!event) return end_call(cudaErrorInvalidResourceHandle);
    if (event->capture) return end_call(cudaErrorCapturedEvent);
    wait_for(event->work);
    return end_call(cudaSuccess);
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaEventQuery", DuringCapture::forbidden); error != cudaSuccess) {
        return end_call(error);
    }
    if (!event) return end_call(cudaErrorInvalidResourceHandle);
    if (event->capture) return end_call(cudaErrorCapturedEvent);
    return end_call(poll(event->work) ? cudaSuccess : cudaErrorNotReady);
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaEventElapsedTime"); error != cudaSuccess) return end_call(error);
    if (!begin || !end) return end_call(cudaErrorInvalidResourceHandle);
    std::chrono::steady_clock::time_point times[2];
    int i = 0;
    for (const CUevent_st* event : {begin, end}) {
        for (const WorkPointer& work : event->work) {
            if (!work->is_done) return end_call(cudaErrorNotReady);
            times[i] = std::max(times[i], work->done_at);
        }
        ++i;
    }
    *milliseconds = std::max(0.0f, std::chrono::duration<float, std::milli>(times[1] - times[0]).count());
    return cudaSuccess;
}
