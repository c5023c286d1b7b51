#include "cuda/sampler.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

#include "core/error.h"

namespace aerie::cuda {
namespace {

// Room for changes and queries beside the rows' parameters, and for results; more of them are kept elsewhere.
constexpr size_t kMoreInputBytes = size_t(64) << 10;
constexpr size_t kMostResultBytes = size_t(4) << 20;

uint64_t next_version() {
    static std::atomic<uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

template <class T>
size_t bytes_of(const std::vector<T>& values) {
    return values.size() * sizeof(T);
}

template <class T>
void copy_out(T* to, const T* from, size_t drawn, size_t count) {
    if (!to || !count) return;
    drawn = std::min(drawn, count);
    if (drawn) memcpy(to, from, drawn * sizeof(T));
    std::fill(to + drawn, to + count, T(0));
}

// Rows of `from` values each to rows of `to`, filled up with zeros.
template <class T>
void copy_rows_out(T* to, uint32_t to_cols, const T* from, uint32_t from_cols, uint32_t drawn, uint32_t count) {
    if (!to) return;
    for (uint32_t row = 0; row < count; ++row)
        copy_out(to + size_t(row) * to_cols, from + size_t(row) * from_cols, row < drawn ? from_cols : 0, to_cols);
}

}  // namespace

CudaSampler::CudaSampler() : version_(next_version()) {}

void CudaSampler::reserve(DeviceMemory& memory) {
    if (inputs_.address) return;
    inputs_ = memory.allocate(sizeof(DrawHeader) + max_outputs * sizeof(aerie_sampling_row) + kMoreInputBytes);
    const size_t usual = std::min(kMostResultBytes, result_bytes(max_outputs, max_top, max_outputs));
    results_ = memory.allocate(usual);
    for (Draw& draw : draws_) draw.results = Pinned(usual);
}

void CudaSampler::write(SamplerInputs inputs) {
    next_.rows.assign(inputs.rows, inputs.rows + inputs.num_rows);
    next_.changes.assign(inputs.changes, inputs.changes + inputs.num_changes);
    next_.queries.assign(inputs.queries, inputs.queries + inputs.num_queries);
    masks_ = std::move(inputs.masks);
    next_.num_top = 0;
    for (const aerie_sampling_row& row : next_.rows)
        next_.num_top = std::max(next_.num_top, uint32_t(std::max(row.num_top, 0)));
    version_ = next_version();
}

void CudaSampler::begin_draw(uint64_t number, uint32_t num_outputs, DeviceMemory& memory) {
    const uint32_t num_drawn = std::min(num_outputs, uint32_t(next_.rows.size()));
    if (drawing_ == number) {
        draws_[last_].num_drawn = std::max(draws_[last_].num_drawn, num_drawn);
        return;
    }
    reserve(memory);
    drawing_ = number;
    last_ = (last_ + 1) % kNumDraws;
    Draw& draw = draws_[last_];
    draw.number = 0;
    draw.inputs = next_;
    draw.num_drawn = num_drawn;
    const size_t results = result_bytes(next_.rows.size(), next_.num_top, next_.queries.size());
    if (results > results_.bytes) results_ = memory.allocate(results);
    // By doubling, since most draws have a few masks and few have many.
    if (const size_t bytes = bytes_of(masks_); bytes > device_masks_.bytes)
        device_masks_ = memory.allocate_unwritten(std::bit_ceil(bytes));
}

std::span<const uint8_t> CudaSampler::inputs_at(const void* address) {
    DrawHeader header;
    header.own = this->header();
    header.version = version_;
    header.num_rows = uint32_t(next_.rows.size());
    header.num_queries = uint32_t(next_.queries.size());
    header.num_top = next_.num_top;
    header.rows = reinterpret_cast<const aerie_sampling_row*>(static_cast<const uint8_t*>(address) + sizeof header);
    header.changes = reinterpret_cast<const aerie_logit_change*>(header.rows + next_.rows.size());
    header.queries = reinterpret_cast<const int32_t*>(header.changes + next_.changes.size());
    header.results = static_cast<uint8_t*>(results_.address);
    header.masks = static_cast<const uint32_t*>(device_masks_.address);
    block_.clear();
    const auto append = [&](const void* data, size_t bytes) {
        const auto* from = static_cast<const uint8_t*>(data);
        block_.insert(block_.end(), from, from + bytes);
    };
    append(&header, sizeof header);
    append(next_.rows.data(), bytes_of(next_.rows));
    append(next_.changes.data(), bytes_of(next_.changes));
    append(next_.queries.data(), bytes_of(next_.queries));
    return block_;
}

void CudaSampler::copy_inputs(DeviceMemory& memory) {
    if (copied_version_ == version_) return;
    const size_t bytes = inputs_at(inputs_.address).size();
    if (bytes <= inputs_.bytes) {
        memory.upload(inputs_, 0, block_.data(), bytes);
    } else {
        // The header stays where it is and points to what does not.
        if (bytes > more_inputs_.bytes) more_inputs_ = memory.allocate(bytes);
        inputs_at(more_inputs_.address);
        memory.upload(more_inputs_, 0, block_.data(), bytes);
        memory.upload(inputs_, 0, block_.data(), sizeof(DrawHeader));
    }
    copied_version_ = version_;
}

void CudaSampler::copy_masks(DeviceMemory& memory) {
    memory.upload(device_masks_, 0, masks_.data(), bytes_of(masks_));
    masks_.clear();
}

void CudaSampler::end_draw(cudaStream_t stream) {
    if (!drawing_) return;
    Draw& draw = draws_[last_];
    draw.number = std::exchange(drawing_, 0);
    const size_t bytes = result_bytes(draw.inputs.rows.size(), draw.inputs.num_top, draw.inputs.queries.size());
    if (!bytes) return;
    if (bytes > draw.results.bytes()) {
        // The copy of an older draw may still be on its way.
        expect_success(cudaStreamSynchronize(stream), "sample");
        draw.results = Pinned(bytes);
    }
    expect_success(cudaMemcpyAsync(draw.results.data(), results_.address, bytes, cudaMemcpyDeviceToHost, stream),
                   "sample");
}

const CudaSampler::Draw& CudaSampler::draw_of(uint64_t number) const {
    if (!number) return draws_[last_];
    for (const Draw& draw : draws_)
        if (draw.number == number) return draw;
    fail(AERIE_BAD_HANDLE, "sampler: launch %llu is not among the last %u that drew", (unsigned long long)number,
         kNumDraws);
}

void CudaSampler::read(const SamplerOutputs& outputs, uint64_t number, Completion& completion) {
    const Draw& draw = draw_of(number);
    const Inputs& inputs = draw.inputs;
    const uint32_t num_rows = outputs.num_rows, num_top = inputs.num_top;
    if (num_rows > inputs.rows.size())
        fail(AERIE_BAD_SHAPE, "sampler_read: %u rows of %zu", num_rows, inputs.rows.size());
    if (outputs.query_logprobs && outputs.num_queries < inputs.queries.size())
        fail(AERIE_BAD_SHAPE, "sampler_read: room for %u of %zu queries", outputs.num_queries, inputs.queries.size());
    if (!draw.number && !inputs.rows.empty()) fail(AERIE_BAD_HANDLE, "sampler: the last launch that drew failed");
    completion.wait(draw.number);
    const DrawResults results = results_in(draw.results.data(), inputs.rows.size(), num_top);
    copy_out(outputs.tokens, results.tokens, draw.num_drawn, num_rows);
    copy_out(outputs.ranks, results.ranks, draw.num_drawn, num_rows);
    copy_out(outputs.logprobs, results.logprobs, draw.num_drawn, num_rows);
    copy_rows_out(outputs.top_tokens, max_top, results.top_tokens, num_top, draw.num_drawn, num_rows);
    copy_rows_out(outputs.top_logprobs, max_top, results.top_logprobs, num_top, draw.num_drawn, num_rows);
    copy_out(outputs.query_logprobs, results.query_logprobs, 0, inputs.queries.size());
    for (uint32_t row = 0; outputs.query_logprobs && row < draw.num_drawn; ++row) {
        const uint32_t first = inputs.rows[row].first_query, count = inputs.rows[row].num_queries;
        copy_out(outputs.query_logprobs + first, results.query_logprobs + first, count, count);
    }
}

}  // namespace aerie::cuda
