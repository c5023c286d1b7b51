#include "cuda/loader.h"

#include <algorithm>

namespace aerie::cuda {

Loader::Loader(DeviceMemory& memory) : memory_(memory) {
    for (Segment& segment : segments_)
        expect_success(cudaEventCreateWithFlags(&segment.copied, cudaEventDisableTiming), "context_create");
    expect_success(cudaEventCreateWithFlags(&sent_, cudaEventDisableTiming), "context_create");
}

Loader::~Loader() {
    for (const Segment& segment : segments_) cudaEventDestroy(segment.copied);
    cudaEventDestroy(sent_);
}

uint8_t* Loader::piece(size_t bytes) {
    current_ = (current_ + 1) % kNumSegments;
    Segment& segment = segments_[current_];
    wait_for_event(segment.copied, "weight_pack");
    if (segment.memory.bytes() < bytes) segment.memory = Pinned(std::max(bytes, kPieceBytes));
    return segment.memory.data();
}

void Loader::send(const Buffer& to, size_t offset, size_t bytes) {
    const Segment& segment = segments_[current_];
    expect_success(cudaMemcpyAsync(static_cast<uint8_t*>(to.address) + offset, segment.memory.data(), bytes,
                                   cudaMemcpyHostToDevice, stream_),
                   "weight_pack");
    expect_success(cudaEventRecord(segment.copied, stream_), "weight_pack");
}

void Loader::join(cudaStream_t stream) {
    expect_success(cudaEventRecord(sent_, stream_), "weight_pack");
    expect_success(cudaStreamWaitEvent(stream, sent_, 0), "weight_pack");
}

}  // namespace aerie::cuda
