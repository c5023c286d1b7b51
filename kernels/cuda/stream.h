// A stream of the device, whose work is done when it ends.
#pragma once
#include <cuda_runtime.h>

#include "cuda/op.h"

namespace aerie::cuda {

class Stream {
  public:
    Stream() { expect_success(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "context_create"); }
    ~Stream() {
        cudaStreamSynchronize(stream_);
        cudaStreamDestroy(stream_);
    }
    Stream(const Stream&) = delete;

    operator cudaStream_t() const { return stream_; }

  private:
    cudaStream_t stream_ = nullptr;
};

}  // namespace aerie::cuda
