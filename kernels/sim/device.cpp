// The devices that are simulated, and functions of the runtime that launch kernels on them.
#include "sim/device.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sim/block.h"
#include "sim/findings.h"
#include "sim/host.h"
#include "sim/memory.h"
#include "sim/mma.h"
#include "sim/runtime.h"

using namespace aerie::sim;

namespace {

struct Model {
    const char* name;
    int major, multiprocessors, shared_per_multiprocessor, shared_optin, l2_bytes, bus_bits, threads, minor = 0;
};
constexpr Model kModels[] = {
    {"sm_80", 8, 108, 164 << 10, 163 << 10, 40 << 20, 5120, 2048},
    {"sm_90", 9, 132, 228 << 10, 227 << 10, 50 << 20, 6144, 2048},
    {"sm_75", 7, 40, 64 << 10, 64 << 10, 4 << 20, 256, 1024, 5},
};

const Model& model_of(const char* name) {
    for (const Model& each : kModels) {
        if (name && strcmp(name, each.name) == 0) return each;
    }
    return kModels[1];
}

// AERIE_SIM_DEVICE's, or what a test set last: sm_80 or sm_90, which is the default.
const Model*& chosen() {
    static const Model* model = &model_of(getenv("AERIE_SIM_DEVICE"));
    return model;
}
const Model& model() { return *chosen(); }

constexpr unsigned kMaxGrid[] = {0x7fffffff, 65535, 65535}, kMaxBlock[] = {1024, 1024, 64};

bool fits(dim3 shape, const unsigned (&limits)[3]) {
    return shape.x > 0 && shape.y > 0 && shape.z > 0 && shape.x <= limits[0] && shape.y <= limits[1] &&
           shape.z <= limits[2];
}

thread_local int current_device = 0;

constexpr int kVersion = 13000;

int number_of(const char* variable, int otherwise) {
    const char* text = getenv(variable);
    return text ? atoi(text) : otherwise;
}

}  // namespace

namespace aerie::sim {

void set_device(const char* name) {
    const RuntimeLock lock;
    Queue::get().finish_all();
    chosen() = &model_of(name);
}

Rounding rounding() { return model().major == 8 ? Rounding::two_halves : Rounding::whole; }

cudaError_t make_kernel_task(const void* address, dim3 grid, dim3 block, size_t shared_bytes, void** arguments,
                             Task& task) {
    Kernel* kernel = find_kernel(address);
    if (!kernel) return cudaErrorInvalidDeviceFunction;
    if (!fits(grid, kMaxGrid) || !fits(block, kMaxBlock) || block.x * block.y * block.z > Block::kMaxThreads ||
        shared_bytes > size_t(kernel->max_dynamic_shared)) {
        return cudaErrorInvalidConfiguration;
    }
    task.kind = Kind::kernel;
    task.kernel = kernel;
    task.grid = grid;
    task.block = block;
    task.shared_bytes = shared_bytes;
    task.arguments.clear();
    for (size_t i = 0; i < kernel->sizes.size(); ++i) {
        const char* argument = static_cast<const char*>(arguments[i]);
        task.arguments.emplace_back(argument, argument + kernel->sizes[i]);
    }
    return cudaSuccess;
}

}  // namespace aerie::sim

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* kernel, void** arguments) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaLaunchKernelExC"); error != cudaSuccess) return end_call(error);
    CUstream_st* stream = find_stream(config->stream);
    if (!stream) return end_call(cudaErrorInvalidResourceHandle);
    Task task;
    const cudaError_t error =
        make_kernel_task(kernel, config->gridDim, config->blockDim, config->dynamicSmemBytes, arguments, task);
    return end_call(error != cudaSuccess ? error : submit(*stream, std::move(task)));
}

cudaError_t cudaLaunchKernel(const void* kernel, dim3 grid, dim3 block, void** arguments, size_t shared_bytes,
                             cudaStream_t stream) {
    const cudaLaunchConfig_t config = {grid, block, shared_bytes, stream, nullptr, 0};
    return cudaLaunchKernelExC(&config, kernel, arguments);
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaFuncSetAttribute"); error != cudaSuccess) return end_call(error);
    if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize) {
        if (value < 0 || value > model().shared_optin) return end_call(cudaErrorInvalidValue);
        kernel_at(kernel).max_dynamic_shared = value;
    }
    return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaFuncGetAttributes"); error != cudaSuccess) return end_call(error);
    *attributes = {};
    attributes->maxThreadsPerBlock = int(Block::kMaxThreads);
    attributes->binaryVersion = attributes->ptxVersion = model().major * 10;
    attributes->maxDynamicSharedSizeBytes = kernel_at(kernel).max_dynamic_shared;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaGetDeviceCount"); error != cudaSuccess) return end_call(error);
    if (number_of("AERIE_SIM_DRIVER", kVersion) < kVersion) return end_call(cudaErrorInsufficientDriver);
    *count = number_of("AERIE_SIM_DEVICES", 1);
    return end_call(*count > 0 ? cudaSuccess : cudaErrorNoDevice);
}

cudaError_t cudaGetDevice(int* device) {
    *device = current_device;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    int count = 0;
    if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess) return error;
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaSetDevice"); error != cudaSuccess) return end_call(error);
    if (device < 0 || device >= count) return end_call(cudaErrorInvalidDevice);
    current_device = device;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
    int count = 0;
    if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess) return error;
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaGetDeviceProperties"); error != cudaSuccess) return end_call(error);
    if (device < 0 || device >= count) return end_call(cudaErrorInvalidDevice);
    *properties = {};
    snprintf(properties->name, sizeof properties->name, "Aerie simulator %s", model().name);
    properties->totalGlobalMem = Memory::get().total();
    properties->sharedMemPerBlock = 48 << 10;
    properties->sharedMemPerBlockOptin = size_t(model().shared_optin);
    properties->sharedMemPerMultiprocessor = size_t(model().shared_per_multiprocessor);
    properties->reservedSharedMemPerBlock = 1 << 10;
    properties->regsPerBlock = properties->regsPerMultiprocessor = 64 << 10;
    properties->warpSize = 32;
    properties->maxThreadsPerBlock = int(Block::kMaxThreads);
    properties->maxThreadsPerMultiProcessor = model().threads;
    properties->maxBlocksPerMultiProcessor = 32;
    for (int i = 0; i < 3; ++i) {
        properties->maxGridSize[i] = int(kMaxGrid[i]);
        properties->maxThreadsDim[i] = int(kMaxBlock[i]);
    }
    properties->totalConstMem = 64 << 10;
    properties->major = model().major;
    properties->minor = model().minor;
    properties->multiProcessorCount = model().multiprocessors;
    properties->canMapHostMemory = properties->concurrentKernels = properties->unifiedAddressing = 1;
    properties->asyncEngineCount = 2;
    properties->memoryBusWidth = model().bus_bits;
    properties->l2CacheSize = model().l2_bytes;
    properties->cooperativeLaunch = 1;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
    cudaDeviceProp properties;
    if (const cudaError_t error = cudaGetDeviceProperties(&properties, device); error != cudaSuccess) return error;
    switch (attribute) {
        case cudaDevAttrMultiProcessorCount:
            *value = properties.multiProcessorCount;
            break;
        case cudaDevAttrComputeCapabilityMajor:
            *value = properties.major;
            break;
        case cudaDevAttrComputeCapabilityMinor:
            *value = properties.minor;
            break;
        case cudaDevAttrMaxSharedMemoryPerBlockOptin:
            *value = int(properties.sharedMemPerBlockOptin);
            break;
        default:
            return end_call(cudaErrorInvalidValue);
    }
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
    *version = number_of("AERIE_SIM_DRIVER", kVersion);
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = kVersion;
    return cudaSuccess;
}
