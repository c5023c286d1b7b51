// Loading of weights: their bytes are packed into pinned memory and copied on a stream of their own, while the next
// ones are packed.
#pragma once
#include "cuda/memory.h"
#include "cuda/pack.h"
#include "cuda/pinned.h"
#include "cuda/stream.h"

namespace aerie::cuda {

class Loader final : public Uploader {
  public:
    explicit Loader(DeviceMemory& memory);
    ~Loader() override;
    Loader(const Loader&) = delete;

    Buffer allocate(size_t bytes) override { return memory_.allocate_unwritten(bytes); }
    uint8_t* piece(size_t bytes) override;
    void send(const Buffer& to, size_t offset, size_t bytes) override;
    // Lets the work of `stream` from now on come after all that was sent.
    void join(cudaStream_t stream);

  private:
    // One is packed, one is copied, one is free when the packer turns to it.
    static constexpr uint32_t kNumSegments = 3;
    struct Segment {
        Pinned memory;
        cudaEvent_t copied = nullptr;
    };

    DeviceMemory& memory_;
    Segment segments_[kNumSegments];
    uint32_t current_ = 0;
    cudaEvent_t sent_ = nullptr;
    const Stream stream_;  // ends before what it copies from
};

}  // namespace aerie::cuda
