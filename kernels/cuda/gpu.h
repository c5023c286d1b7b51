// The device: which one of its kind, and what it is.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <string>

namespace aerie::cuda {

class Gpu {
  public:
    // Throws AERIE_DEVICE, with what was found and what is needed, where number `index` cannot be used.
    explicit Gpu(uint32_t index);

    // Makes it the calling thread's, whose allocations and launches are then on it.
    void use() const;
    // Such as "cuda NVIDIA H200 sm_90, 132 SMs, 139.8 GiB" or "cuda-sim sm_90, 132 SMs, 8.0 GiB".
    std::string describe() const;
    // Free and total memory in bytes.
    void memory(double& free_bytes, double& total_bytes) const;

  private:
    int index_;
    cudaDeviceProp properties_;
};

}  // namespace aerie::cuda
