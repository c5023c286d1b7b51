// Functions of the runtime that allocate, copy and fill memory.
#include <cstring>

#include "sim/host.h"
#include "sim/memory.h"
#include "sim/runtime.h"

using namespace aerie::sim;

namespace {

cudaError_t allocate(const char* call, Space space, void** memory, size_t bytes) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call(call, DuringCapture::forbidden); error != cudaSuccess)
        return end_call(error);
    if (!memory) return end_call(cudaErrorInvalidValue);
    *memory = nullptr;
    if (bytes == 0) return cudaSuccess;
    const Allocation* made = Memory::get().allocate(space, bytes);
    if (!made) return end_call(cudaErrorMemoryAllocation);
    *memory = made->address;
    return cudaSuccess;
}

cudaError_t release(const char* call, Space space, void* memory) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call(call, DuringCapture::forbidden); error != cudaSuccess)
        return end_call(error);
    if (!memory) return cudaSuccess;
    // As CUDA, which waits for all work before it frees.
    Queue::get().finish_all();
    return end_call(Memory::get().free(space, memory) ? cudaSuccess : cudaErrorInvalidValue);
}

// Whether bytes belong to one allocation of the device, if they begin where its memory is.
bool is_whole(const void* address, size_t bytes) {
    const Allocation* allocation = Memory::get().find(address);
    return allocation ? allocation->contains(address, bytes) : !Memory::get().is_device(address);
}

bool is_direction(const void* to, const void* from, cudaMemcpyKind kind) {
    const bool to_device = Memory::get().is_device(to), from_device = Memory::get().is_device(from);
    switch (kind) {
        case cudaMemcpyHostToHost:
            return !to_device && !from_device;
        case cudaMemcpyHostToDevice:
            return to_device && !from_device;
        case cudaMemcpyDeviceToHost:
            return !to_device && from_device;
        case cudaMemcpyDeviceToDevice:
            return to_device && from_device;
        case cudaMemcpyDefault:
            return true;
    }
    return false;
}

cudaError_t copy(CUstream_st* stream, void* to, const void* from, size_t bytes, cudaMemcpyKind kind, bool must_wait) {
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (bytes == 0) return cudaSuccess;
    if (!is_direction(to, from, kind)) return cudaErrorInvalidMemcpyDirection;
    if (!is_whole(to, bytes) || !is_whole(from, bytes)) return cudaErrorInvalidValue;
    if (must_wait && stream->capture) return invalidate(*stream, cudaErrorStreamCaptureUnsupported);
    Task task;
    task.kind = Kind::copy;
    task.to = static_cast<char*>(to);
    task.from = static_cast<const char*>(from);
    task.bytes = bytes;
    WorkPointer work;
    if (const cudaError_t error = submit(*stream, std::move(task), &work); error != cudaSuccess) return error;
    // A copy to memory that is not pinned is over when the call returns.
    const bool is_to_pageable = !Memory::get().find(to);
    if (work && (must_wait || is_to_pageable)) wait_for({work});
    return cudaSuccess;
}

cudaError_t fill(CUstream_st* stream, void* memory, int value, size_t bytes) {
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (bytes == 0) return cudaSuccess;
    if (!Memory::get().find(memory) || !is_whole(memory, bytes)) return cudaErrorInvalidValue;
    Task task;
    task.kind = Kind::fill;
    task.to = static_cast<char*>(memory);
    task.bytes = bytes;
    task.value = value;
    return submit(*stream, std::move(task));
}

}  // namespace

cudaError_t cudaMalloc(void** memory, size_t bytes) { return allocate("cudaMalloc", Space::device, memory, bytes); }
cudaError_t cudaFree(void* memory) { return release("cudaFree", Space::device, memory); }
cudaError_t cudaMallocHost(void** memory, size_t bytes) {
    return allocate("cudaMallocHost", Space::pinned, memory, bytes);
}
cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned flags) {
    return allocate("cudaHostAlloc", flags & cudaHostAllocMapped ? Space::mapped : Space::pinned, memory, bytes);
}
cudaError_t cudaFreeHost(void* memory) { return release("cudaFreeHost", Space::pinned, memory); }

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total_bytes) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaMemGetInfo"); error != cudaSuccess) return end_call(error);
    *free_bytes = Memory::get().total() - Memory::get().used();
    *total_bytes = Memory::get().total();
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaMemcpy", DuringCapture::forbidden); error != cudaSuccess) {
        return end_call(error);
    }
    return end_call(copy(find_stream(nullptr), to, from, bytes, kind, true));
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaMemcpyAsync"); error != cudaSuccess) return end_call(error);
    return end_call(copy(find_stream(stream), to, from, bytes, kind, false));
}

cudaError_t cudaMemset(void* memory, int value, size_t bytes) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaMemset", DuringCapture::forbidden); error != cudaSuccess) {
        return end_call(error);
    }
    return end_call(fill(find_stream(nullptr), memory, value, bytes));
}

cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaMemsetAsync"); error != cudaSuccess) return end_call(error);
    return end_call(fill(find_stream(stream), memory, value, bytes));
}
