#include "cuda/work_copies.h"

#include <cstring>

#include "cuda/sampler.h"

namespace aerie::cuda {
namespace {

// Room for changes of logits and queries.
constexpr size_t kMoreBytes = size_t(16) << 10;

CudaSampler& sampler_of(const Op& op) { return *static_cast<CudaSampler*>(op.sampler); }

// Rows of a tensor that ops work on, by the batch as last written.
uint32_t num_rows_of(const Tensor& tensor) {
    if (!tensor.batch) return tensor.capacity;
    const BatchCounts& counts = tensor.batch->block().counts;
    return tensor.scope == AERIE_ROWS ? counts.num_rows : counts.num_outputs;
}

}  // namespace

size_t WorkCopies::appended_bytes(uint32_t max_outputs) {
    return sizeof(DrawHeader) + sizeof(aerie_sampling_row) * max_outputs + kMoreBytes;
}

void WorkCopies::before(std::span<const Op> ops, std::span<Batch* const> batches, uint64_t number) {
    for (const Op& op : ops)
        if (op.sampler) sampler_of(op).begin_draw(number, num_rows_of(*op.x), memory_);
    for (Batch* const batch : batches)
        if (batch->awaits_copy) copy_block(*batch, ops);
    for (const Op& op : ops) {
        if (!op.sampler) continue;
        sampler_of(op).copy_masks(memory_);
        const Batch* const batch = batch_of(op);
        if (!batch || batch->appended != sampler_of(op).version()) sampler_of(op).copy_inputs(memory_);
    }
}

void WorkCopies::behind(std::span<const Op> ops) {
    for (const Op& op : ops)
        if (op.sampler) sampler_of(op).end_draw(stream_);
}

void WorkCopies::copy_block(Batch& batch, std::span<const Op> ops) {
    const BatchBlock& block = batch.block();
    const size_t bytes = block_bytes(block.counts), at = (bytes + 7) / 8 * 8;
    block_.assign(block.host.get(), block.host.get() + bytes);
    batch.appended = 0;
    for (const Op& op : ops) {
        if (!op.sampler || batch_of(op) != &batch) continue;
        const auto* device = static_cast<const uint8_t*>(block.device.address);
        const std::span<const uint8_t> inputs = sampler_of(op).inputs_at(device + at);
        if (at + inputs.size() > block.device.bytes) break;
        block_.resize(at);
        block_.insert(block_.end(), inputs.begin(), inputs.end());
        BatchCounts counts = block.counts;
        counts.appended = uint32_t(at);
        memcpy(block_.data(), &counts, sizeof counts);
        batch.appended = sampler_of(op).version();
        break;
    }
    memory_.upload(block.device, 0, block_.data(), block_.size());
    batch.awaits_copy = false;
}

}  // namespace aerie::cuda
