#include "cuda/gpu.h"

#include "cuda/device_error.h"
#include "cuda/op.h"

namespace aerie::cuda {
namespace {

#ifdef AERIE_SIM
std::string name_of(const cudaDeviceProp&) { return "cuda-sim"; }
#else
std::string name_of(const cudaDeviceProp& properties) { return std::string("cuda ") + properties.name; }
#endif

// Throws unless the driver runs this runtime and finds a device; how many it finds.
uint32_t count_devices() {
    int count = 0, driver = 0, runtime = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error == cudaErrorInsufficientDriver) {
        if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
            fail(AERIE_DEVICE, "Cannot use CUDA: no driver (libcuda.so.1 is not there)");
        cudaRuntimeGetVersion(&runtime);
        fail(AERIE_DEVICE, "Cannot use CUDA: the driver is for CUDA %d.%d, expected %d.%d or newer", driver / 1000,
             driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    }
    if (error == cudaErrorNoDevice || (error == cudaSuccess && count <= 0))
        fail(AERIE_DEVICE, "Cannot use CUDA: no device, expected one of compute capability 8.0 or newer");
    if (error != cudaSuccess) fail(AERIE_DEVICE, "Cannot use CUDA: %s", cudaGetErrorString(error));
    return uint32_t(count);
}

}  // namespace

Gpu::Gpu(uint32_t index) : index_(int(index)) {
    const uint32_t count = count_devices();
    if (index >= count)
        fail(AERIE_DEVICE, "Cannot use CUDA: device_index is %u, the last device is %u", index, count - 1);
    expect_success(cudaGetDeviceProperties(&properties_, index_), "context_create");
    if (properties_.major < 8)
        fail(AERIE_DEVICE, "Cannot use CUDA: device %u (%s) has compute capability %d.%d, expected 8.0 or newer", index,
             properties_.name, properties_.major, properties_.minor);
    use();
}

void Gpu::use() const { expect_success(cudaSetDevice(index_), "context_create"); }

std::string Gpu::describe() const {
    char text[400];
    snprintf(text, sizeof text, "%s sm_%d%d, %d SMs, %.1f GiB", name_of(properties_).c_str(), properties_.major,
             properties_.minor, properties_.multiProcessorCount, double(properties_.totalGlobalMem) / (1 << 30));
    return text;
}

void Gpu::memory(double& free_bytes, double& total_bytes) const {
    use();
    size_t free = 0, total = 0;
    expect_success(cudaMemGetInfo(&free, &total), "context_memory");
    free_bytes = double(free);
    total_bytes = double(total);
}

void expect_success(cudaError_t error, const char* what) {
    if (error == cudaSuccess) return;
    const std::string cause = "CUDA error " + std::to_string(int(error)) + ", " + cudaGetErrorString(error);
    // Where it is not the device's for good, the next call shall not find it.
    cudaGetLastError();
    throw DeviceError(what, cause, cudaPeekAtLastError() != cudaSuccess);
}

}  // namespace aerie::cuda
