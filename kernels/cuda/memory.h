// Memory of the device, and what passes between it and the host through pinned memory, in the order of one stream.
#pragma once
#include <cuda_runtime.h>

#include "core/buffer.h"
#include "cuda/gpu.h"
#include "cuda/pinned.h"

namespace aerie::cuda {

// Pinned memory that copies to the device are made from: segments in turn, each of which is written again once its
// copies have run.
class Staging {
  public:
    static constexpr size_t kSegmentBytes = size_t(1) << 20;

    explicit Staging(cudaStream_t stream);
    ~Staging();
    Staging(const Staging&) = delete;

    // Room for up to kSegmentBytes, of which the stream is to copy before the next call.
    uint8_t* reserve(size_t bytes);

  private:
    static constexpr uint32_t kNumSegments = 4;

    cudaStream_t stream_;
    Pinned memory_;
    cudaEvent_t copied_[kNumSegments] = {};
    uint32_t current_ = 0;
    size_t used_ = 0;
};

class DeviceMemory {
  public:
    DeviceMemory(const Gpu& gpu, cudaStream_t stream);
    ~DeviceMemory();
    DeviceMemory(const DeviceMemory&) = delete;

    // Zeroed, or whatever it holds. Throw AERIE_OUT_OF_MEMORY with the bytes that are free.
    Buffer allocate(size_t bytes);
    Buffer allocate_unwritten(size_t bytes);
    // Copies from host memory, which may be overwritten once this returns.
    void upload(const Buffer& to, size_t offset, const void* from, size_t bytes);
    // Waits for all work of the stream.
    void download(void* to, const Buffer& from, size_t offset, size_t bytes);

  private:
    const Gpu& gpu_;
    cudaStream_t stream_;
    Staging staging_;
    Pinned results_;
};

// Waits for the work before an event, unless it is known to be done.
void wait_for_event(cudaEvent_t event, const char* what);

}  // namespace aerie::cuda
