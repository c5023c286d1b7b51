// Memory of the device, and what passes between it and the host through pinned memory, in the order of one stream.
#pragma once
#include <cuda_runtime.h>

#include "cuda/gpu.h"
#include "cuda/pack.h"

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
    uint8_t* memory_ = nullptr;
    cudaEvent_t copied_[kNumSegments] = {};
    uint32_t current_ = 0;
    size_t used_ = 0;
};

class DeviceMemory final : public Uploader {
  public:
    DeviceMemory(const Gpu& gpu, cudaStream_t stream);
    ~DeviceMemory() override;
    DeviceMemory(const DeviceMemory&) = delete;

    // Zeroed. Throws AERIE_OUT_OF_MEMORY with the bytes that are free.
    Buffer allocate(size_t bytes) override;
    void upload(const Buffer& to, size_t offset, const void* from, size_t bytes) override;
    // Waits for all work of the stream.
    void download(void* to, const Buffer& from, size_t offset, size_t bytes);

  private:
    const Gpu& gpu_;
    cudaStream_t stream_;
    Staging staging_;
    uint8_t* results_ = nullptr;  // pinned
};

}  // namespace aerie::cuda
