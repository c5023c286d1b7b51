// What the functions of the runtime share: the lock, what every call begins and ends with, streams and captures.
#pragma once
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "sim/types.h"
#include "sim/work.h"

namespace aerie::sim {

// Held through every call of the runtime.
class RuntimeLock {
  public:
    RuntimeLock();
    ~RuntimeLock();
    RuntimeLock(const RuntimeLock&) = delete;
};

// Whether a call may be made while a stream captures in a mode that forbids what cannot be captured.
enum class DuringCapture { allowed, forbidden };

// Begins a call: gives an injected error, or the device's if it has failed; cudaSuccess to go on.
cudaError_t begin_call(const char* name, DuringCapture during_capture = DuringCapture::allowed);
// Ends a call: remembers an error for cudaGetLastError, gives the device's if it has failed meanwhile.
cudaError_t end_call(cudaError_t error);

}  // namespace aerie::sim

struct CUgraphNode_st {
    aerie::sim::Task task;
    std::vector<size_t> after;    // by place in the graph
    std::vector<void*> pointers;  // to arguments, while somebody looks at them
};

struct CUgraph_st {
    std::vector<std::unique_ptr<CUgraphNode_st>> nodes;  // each after those that it depends on
};

struct CUgraphExec_st {
    std::vector<CUgraphNode_st> nodes;
    std::vector<const CUgraphNode_st*> originals;  // what they were made from; only compared
    std::vector<uint32_t> branches;                // chains of work beside the stream's
    aerie::sim::WorkPointer last;                  // of the last launch
};

namespace aerie::sim {

// A capture that began on one stream and that others may have joined by events.
struct Capture {
    CUstream_st* origin;
    cudaStreamCaptureMode mode;
    std::thread::id thread = std::this_thread::get_id();  // that began it
    std::unique_ptr<CUgraph_st> graph = std::make_unique<CUgraph_st>();
    cudaError_t invalid = cudaSuccess;  // why it came to nothing

    // Whether the calling thread may not make calls that cannot be captured.
    bool forbids() const {
        if (mode == cudaStreamCaptureModeThreadLocal) return thread == std::this_thread::get_id();
        return mode == cudaStreamCaptureModeGlobal;
    }
};
using CapturePointer = std::shared_ptr<Capture>;

}  // namespace aerie::sim

struct CUstream_st {
    uint32_t chain;
    bool is_blocking;                           // ordered with the stream of calls that name none
    std::vector<aerie::sim::WorkPointer> last;  // what the next work comes after
    aerie::sim::CapturePointer capture;
    std::vector<size_t> captured;  // nodes that the next one comes after
};

struct CUevent_st {
    std::vector<aerie::sim::WorkPointer> work;  // what it waits for
    aerie::sim::CapturePointer capture;         // if it was recorded in one
    std::vector<size_t> captured;
};

namespace aerie::sim {

// The stream that a handle names, the default one for null; null for a handle that is none.
CUstream_st* find_stream(cudaStream_t handle);
const std::vector<CUstream_st*>& all_streams();
bool is_default(const CUstream_st& stream);
// Submits a task to a stream or adds it to the capture; `out` is the work, null in a capture.
cudaError_t submit(CUstream_st& stream, Task task, WorkPointer* out = nullptr);
// A kernel's launch as a task; arguments are copied.
cudaError_t make_kernel_task(const void* kernel, dim3 grid, dim3 block, size_t shared_bytes, void** arguments,
                             Task& task);
// Waits for work; the host knows afterwards that it is done.
void wait_for(const std::vector<WorkPointer>& work);
// Whether work is done; runs some of it if not. The host knows afterwards what is done.
bool poll(const std::vector<WorkPointer>& work);
// Makes the capture of a stream come to nothing.
cudaError_t invalidate(CUstream_st& stream, cudaError_t error);

}  // namespace aerie::sim
