#include "cpu/sampler.h"

#include <cstring>
#include <utility>

#include "core/error.h"

namespace aerie::cpu {
namespace {

template <class T>
void copy_out(T* to, const std::vector<T>& from, size_t count) {
    if (to && count) memcpy(to, from.data(), count * sizeof(T));
}

}  // namespace

void CpuSampler::write(SamplerInputs inputs) {
    next_.rows.assign(inputs.rows, inputs.rows + inputs.num_rows);
    next_.changes.assign(inputs.changes, inputs.changes + inputs.num_changes);
    next_.queries.assign(inputs.queries, inputs.queries + inputs.num_queries);
    masks_ = std::move(inputs.masks);
}

void CpuSampler::begin_draw(uint64_t launch) {
    if (draws_[last_].launch == launch) return;
    last_ = (last_ + 1) % kNumDraws;
    Draw& draw = draws_[last_];
    const size_t num_rows = next_.rows.size();
    draw.launch = launch;
    draw.inputs = next_;
    draw.tokens.assign(num_rows, 0);
    draw.ranks.assign(num_rows, 0);
    draw.logprobs.assign(num_rows, 0.0f);
    draw.top_tokens.assign(num_rows * max_top, 0);
    draw.top_logprobs.assign(num_rows * max_top, 0.0f);
    draw.query_logprobs.assign(next_.queries.size(), 0.0f);
}

Draw& CpuSampler::draw_of(uint64_t launch) {
    if (!launch) return draws_[last_];
    for (Draw& draw : draws_)
        if (draw.launch == launch) return draw;
    fail(AERIE_BAD_HANDLE, "sampler: launch %llu is not among the last %u that drew", (unsigned long long)launch,
         kNumDraws);
}

void CpuSampler::read(const SamplerOutputs& outputs, uint64_t launch) {
    const Draw& draw = draw_of(launch);
    const uint32_t num_rows = outputs.num_rows;
    if (num_rows > draw.tokens.size())
        fail(AERIE_BAD_SHAPE, "sampler_read: %u rows of %zu", num_rows, draw.tokens.size());
    if (outputs.query_logprobs && outputs.num_queries < draw.query_logprobs.size())
        fail(AERIE_BAD_SHAPE, "sampler_read: room for %u of %zu queries", outputs.num_queries,
             draw.query_logprobs.size());
    const size_t top = size_t(num_rows) * max_top;
    copy_out(outputs.tokens, draw.tokens, num_rows);
    copy_out(outputs.logprobs, draw.logprobs, num_rows);
    copy_out(outputs.top_tokens, draw.top_tokens, top);
    copy_out(outputs.top_logprobs, draw.top_logprobs, top);
    copy_out(outputs.ranks, draw.ranks, num_rows);
    copy_out(outputs.query_logprobs, draw.query_logprobs, draw.query_logprobs.size());
}

}  // namespace aerie::cpu
