#include "cuda/memory.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "cuda/op.h"

namespace aerie::cuda {
namespace {

constexpr size_t kResultBytes = size_t(1) << 20;
// Pieces of staging begin at such addresses.
constexpr size_t kAlignment = 256;

}  // namespace

void wait_for_event(cudaEvent_t event, const char* what) {
    cudaError_t error = cudaEventQuery(event);
    if (error == cudaErrorNotReady) error = cudaEventSynchronize(event);
    expect_success(error, what);
}

Staging::Staging(cudaStream_t stream) : stream_(stream), memory_(kNumSegments * kSegmentBytes) {
    for (cudaEvent_t& event : copied_)
        expect_success(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "pinned memory");
}

Staging::~Staging() {
    for (const cudaEvent_t event : copied_) cudaEventDestroy(event);
}

uint8_t* Staging::reserve(size_t bytes) {
    if (used_ + bytes > kSegmentBytes) {
        expect_success(cudaEventRecord(copied_[current_], stream_), "upload");
        current_ = (current_ + 1) % kNumSegments;
        wait_for_event(copied_[current_], "upload");
        used_ = 0;
    }
    uint8_t* const room = memory_.data() + current_ * kSegmentBytes + used_;
    used_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    return room;
}

DeviceMemory::DeviceMemory(const Gpu& gpu, cudaStream_t stream)
    : gpu_(gpu), stream_(stream), staging_(stream), results_(kResultBytes) {}

// Uploads may still be read from pinned memory.
DeviceMemory::~DeviceMemory() { cudaStreamSynchronize(stream_); }

Buffer DeviceMemory::allocate(size_t bytes) {
    Buffer buffer = allocate_unwritten(bytes);
    expect_success(cudaMemsetAsync(buffer.address, 0, std::max<size_t>(bytes, 1), stream_), "allocate");
    return buffer;
}

Buffer DeviceMemory::allocate_unwritten(size_t bytes) {
    Buffer buffer;
    buffer.bytes = bytes;
    const cudaError_t error = cudaMalloc(&buffer.address, std::max<size_t>(bytes, 1));
    if (error == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        double free_bytes = 0, total_bytes = 0;
        gpu_.memory(free_bytes, total_bytes);
        fail(AERIE_OUT_OF_MEMORY, "out of memory: %zu bytes, %.0f of the device's %.0f are free", bytes, free_bytes,
             total_bytes);
    }
    expect_success(error, "allocate");
    buffer.owner = std::shared_ptr<void>(buffer.address, [](void* address) { cudaFree(address); });
    return buffer;
}

void DeviceMemory::upload(const Buffer& to, size_t offset, const void* from, size_t bytes) {
    auto* target = static_cast<uint8_t*>(to.address) + offset;
    for (auto* source = static_cast<const uint8_t*>(from); bytes > 0;) {
        const size_t piece = std::min(bytes, Staging::kSegmentBytes);
        uint8_t* const staged = staging_.reserve(piece);
        memcpy(staged, source, piece);
        expect_success(cudaMemcpyAsync(target, staged, piece, cudaMemcpyHostToDevice, stream_), "upload");
        source += piece;
        target += piece;
        bytes -= piece;
    }
}

void DeviceMemory::download(void* to, const Buffer& from, size_t offset, size_t bytes) {
    const auto* source = static_cast<const uint8_t*>(from.address) + offset;
    for (auto* target = static_cast<uint8_t*>(to); bytes > 0;) {
        const size_t piece = std::min(bytes, kResultBytes);
        expect_success(cudaMemcpyAsync(results_.data(), source, piece, cudaMemcpyDeviceToHost, stream_), "download");
        expect_success(cudaStreamSynchronize(stream_), "download");
        memcpy(target, results_.data(), piece);
        source += piece;
        target += piece;
        bytes -= piece;
    }
}

}  // namespace aerie::cuda
