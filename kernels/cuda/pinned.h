// Pinned memory of the host, which copies of a stream are made from or to.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "cuda/op.h"

namespace aerie::cuda {

class Pinned {
  public:
    Pinned() = default;
    explicit Pinned(size_t bytes) : bytes_(bytes) {
        void* memory = nullptr;
        expect_success(cudaHostAlloc(&memory, bytes, cudaHostAllocDefault), "pinned memory");
        memory_ = static_cast<uint8_t*>(memory);
    }
    // No copy from or to it may be in flight.
    ~Pinned() {
        if (memory_) cudaFreeHost(memory_);
    }
    Pinned(Pinned&& other) noexcept
        : memory_(std::exchange(other.memory_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Pinned& operator=(Pinned&& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }

    uint8_t* data() const { return memory_; }
    size_t bytes() const { return bytes_; }

  private:
    uint8_t* memory_ = nullptr;
    size_t bytes_ = 0;
};

}  // namespace aerie::cuda
