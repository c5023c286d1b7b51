// aerie_sampler_* and aerie_sample of aerie.h.
#include <utility>

#include "abi/context.h"

using namespace aerie;

namespace {
// Throws unless `good`, which callers write so that NaN fails too.
void expect(bool good, const char* name, uint32_t index, double value) {
    if (!good) fail(AERIE_BAD_ARGUMENT, "sampler_write: %s[%u] is %g", name, index, value);
}

void expect_range(const char* name, uint32_t row, uint32_t first, uint32_t count, uint32_t total) {
    if (uint64_t(first) + count > total)
        fail(AERIE_BAD_ARGUMENT, "sampler_write: row %u has %u %s from %u of %u", row, count, name, first, total);
}

void check_row(const Sampler& sampler, const SamplerInputs& inputs, uint32_t r) {
    const aerie_sampling_row& row = inputs.rows[r];
    expect(row.temperature >= 0 && row.temperature < 1e30f, "temperature", r, row.temperature);
    expect(row.top_k >= 0, "top_k", r, row.top_k);
    expect(row.top_p > 0 && row.top_p <= 1, "top_p", r, row.top_p);
    expect(row.min_p >= 0 && row.min_p <= 1, "min_p", r, row.min_p);
    expect(row.repetition > 0, "repetition", r, row.repetition);
    expect(row.target < int32_t(sampler.vocab_size), "target", r, row.target);
    expect(row.num_top >= -1 && row.num_top <= int32_t(sampler.max_top), "num_top", r, row.num_top);
    expect(row.flags <= AERIE_REPORT_RANK, "flags", r, row.flags);
    const size_t num_masks = inputs.masks.size() / sampler.mask_words();
    if (row.mask < -1 || row.mask >= int64_t(num_masks))
        fail(AERIE_BAD_ARGUMENT, "sampler_write: row %u has mask %d, %zu were given", r, row.mask, num_masks);
    expect_range("changes", r, row.first_change, row.num_changes, inputs.num_changes);
    expect_range("queries", r, row.first_query, row.num_queries, inputs.num_queries);
}

void check_inputs(const Sampler& sampler, const SamplerInputs& inputs) {
    if (inputs.num_rows > sampler.max_outputs)
        fail(AERIE_BAD_SHAPE, "sampler_write: %u rows of %u", inputs.num_rows, sampler.max_outputs);
    if ((!inputs.rows && inputs.num_rows) || (!inputs.changes && inputs.num_changes) ||
        (!inputs.queries && inputs.num_queries))
        fail(AERIE_BAD_ARGUMENT, "sampler_write: an input array is null");
    const auto is_token = [&](int32_t token) { return token >= 0 && token < int32_t(sampler.vocab_size); };
    for (uint32_t r = 0; r < inputs.num_rows; ++r) check_row(sampler, inputs, r);
    for (uint32_t i = 0; i < inputs.num_changes; ++i)
        expect(is_token(inputs.changes[i].token), "change tokens", i, inputs.changes[i].token);
    for (uint32_t i = 0; i < inputs.num_queries; ++i)
        expect(is_token(inputs.queries[i]), "queries", i, inputs.queries[i]);
}
}  // namespace

int32_t entry::aerie_sampler_create(uint32_t handle, uint32_t* out, uint32_t max_outputs, uint32_t vocab_size,
                                    uint32_t max_top) {
    return guard(handle, [&](Context& context) {
        if (!max_outputs || !vocab_size || max_outputs > 1u << 20 || vocab_size > 1u << 24 || max_top > 1024)
            fail(AERIE_BAD_SHAPE, "sampler_create: %u outputs, vocabulary of %u, top %u", max_outputs, vocab_size,
                 max_top);
        std::shared_ptr<Sampler> sampler = context.backend->make_sampler();
        sampler->max_outputs = max_outputs;
        sampler->vocab_size = vocab_size;
        sampler->max_top = max_top;
        *out = context.objects.add(std::move(sampler));
    });
}

int32_t entry::aerie_sampler_mask(uint32_t handle, uint32_t sampler_handle, const uint32_t* words, uint32_t num_masks) {
    return guard(handle, [&](Context& context) {
        Sampler& sampler = context.use<Sampler>(sampler_handle, "sampler_mask", "sampler");
        sampler.masks.clear();
        if (num_masks > sampler.max_outputs)
            fail(AERIE_BAD_SHAPE, "sampler_mask: %u masks of %u", num_masks, sampler.max_outputs);
        if (!words && num_masks) fail(AERIE_BAD_ARGUMENT, "sampler_mask: words is null");
        sampler.masks.assign(words, words + num_masks * sampler.mask_words());
    });
}

int32_t entry::aerie_sampler_write(uint32_t handle, uint32_t sampler_handle, const aerie_sampling_row* rows,
                                   uint32_t num_rows, const aerie_logit_change* changes, uint32_t num_changes,
                                   const int32_t* queries, uint32_t num_queries) {
    return guard(handle, [&](Context& context) {
        Sampler& sampler = context.use<Sampler>(sampler_handle, "sampler_write", "sampler");
        SamplerInputs inputs{
            rows, changes, queries, num_rows, num_changes, num_queries, std::exchange(sampler.masks, {})};
        try {
            check_inputs(sampler, inputs);
        } catch (const Error&) {
            context.backend->sampler_write(sampler, {});  // nothing is drawn
            throw;
        }
        context.backend->sampler_write(sampler, std::move(inputs));
    });
}

int32_t entry::aerie_sample(uint32_t handle, uint32_t sampler_handle, uint32_t logits_handle) {
    return guard(handle, [&](Context& context) {
        Sampler& sampler = context.use<Sampler>(sampler_handle, "sample", "sampler");
        Tensor& logits = context.use<Tensor>(logits_handle, "sample", "logits");
        const uint32_t num_outputs = logits.scope == AERIE_OUTPUT_SLICE ? logits.batch->max_outputs : logits.capacity;
        if (logits.cols != sampler.vocab_size || num_outputs < sampler.max_outputs)
            fail(AERIE_BAD_SHAPE, "sample: logits are [%u, %u], expected [%u, %u]", num_outputs, logits.cols,
                 sampler.max_outputs, sampler.vocab_size);
        context.submit({.kind = OpKind::sample, .out = &logits, .x = &logits, .sampler = &sampler});
    });
}

int32_t entry::aerie_sampler_read(uint32_t handle, int32_t* tokens, float* logprobs, int32_t* top_tokens,
                                  float* top_logprobs, int32_t* ranks, float* query_logprobs, uint32_t sampler_handle,
                                  uint32_t ticket, uint32_t num_rows, uint32_t num_queries) {
    return guard(handle, [&](Context& context) {
        Sampler& sampler = context.use<Sampler>(sampler_handle, "sampler_read", "sampler");
        const SamplerOutputs outputs{num_rows,   num_queries,  tokens, logprobs,
                                     top_tokens, top_logprobs, ranks,  query_logprobs};
        const uint64_t number = ticket ? context.queue.number_of("sampler_read", ticket) : 0;
        context.backend->sampler_read(sampler, outputs, number);
    });
}

int32_t entry::aerie_sampler_release(uint32_t handle, uint32_t sampler) {
    return guard<CleanupCall>(handle, [&](Context& context) { context.release<Sampler>(sampler, "sampler_release"); });
}
