// aerie_sampler_* and aerie_sample of aerie.h.
#include "abi/context.h"

using namespace aerie;

namespace {
template <class T>
void copy(std::vector<T>& to, const T* from, size_t count) {
    if (!from && count) fail(AERIE_BAD_ARGUMENT, "sampler: an input array is null");
    to.resize(count);
    if (count) memcpy(to.data(), from, count * sizeof(T));
}

// Written so that NaN fails too.
void expect(bool good, const char* name, uint32_t row, double value) {
    if (!good) fail(AERIE_BAD_ARGUMENT, "sampler_write: %s[%u] is %g", name, row, value);
}
}  // namespace

int32_t aerie_sampler_create(uint32_t handle, uint32_t* out, uint32_t max_outputs, uint32_t vocab_size,
                             uint32_t max_top) {
    return guard(handle, [&](Context& context) {
        if (!max_outputs || !vocab_size || max_outputs > 1u << 20 || vocab_size > 1u << 24 || max_top > 1024)
            fail(AERIE_BAD_SHAPE, "sampler_create: %u outputs, vocabulary of %u, top %u", max_outputs, vocab_size,
                 max_top);
        auto sampler = std::make_shared<Sampler>();
        sampler->max_outputs = max_outputs;
        sampler->vocab_size = vocab_size;
        sampler->max_top = max_top;
        sampler->tokens.resize(max_outputs);
        sampler->logprobs.resize(max_outputs);
        sampler->top_tokens.resize(size_t(max_outputs) * max_top);
        sampler->top_logprobs.resize(size_t(max_outputs) * max_top);
        *out = context.objects.add(std::move(sampler));
    });
}

int32_t aerie_sampler_write(uint32_t handle, uint32_t sampler_handle, const float* temperature, const int32_t* top_k,
                            const float* top_p, const float* min_p, const uint32_t* seed, const uint32_t* seed_high,
                            const int32_t* position, const int32_t* target, const int32_t* num_top, uint32_t num_rows) {
    return guard(handle, [&](Context& context) {
        Sampler& sampler = context.use<Sampler>(sampler_handle, "sampler_write", "sampler");
        if (num_rows > sampler.max_outputs)
            fail(AERIE_BAD_SHAPE, "sampler_write: %u rows of %u", num_rows, sampler.max_outputs);
        sampler.num_rows = 0;
        copy(sampler.temperature, temperature, num_rows);
        copy(sampler.top_k, top_k, num_rows);
        copy(sampler.top_p, top_p, num_rows);
        copy(sampler.min_p, min_p, num_rows);
        copy(sampler.seed, seed, num_rows);
        copy(sampler.seed_high, seed_high, num_rows);
        copy(sampler.position, position, num_rows);
        copy(sampler.target, target, num_rows);
        copy(sampler.num_top, num_top, num_rows);
        sampler.adjust_starts.clear();
        for (uint32_t r = 0; r < num_rows; ++r) {
            expect(sampler.temperature[r] >= 0 && sampler.temperature[r] < 1e30f, "temperature", r,
                   sampler.temperature[r]);
            expect(sampler.top_k[r] >= 0, "top_k", r, sampler.top_k[r]);
            expect(sampler.top_p[r] > 0 && sampler.top_p[r] <= 1, "top_p", r, sampler.top_p[r]);
            expect(sampler.min_p[r] >= 0 && sampler.min_p[r] <= 1, "min_p", r, sampler.min_p[r]);
            expect(sampler.target[r] < int32_t(sampler.vocab_size), "target", r, sampler.target[r]);
            expect(sampler.num_top[r] >= -1 && sampler.num_top[r] <= int32_t(sampler.max_top), "num_top", r,
                   sampler.num_top[r]);
        }
        sampler.num_rows = num_rows;
    });
}

int32_t aerie_sampler_adjust(uint32_t handle, uint32_t sampler_handle, const int32_t* row_starts, const int32_t* tokens,
                             const uint8_t* seen, const int32_t* counts, const float* bias, const float* repetition,
                             const float* frequency, const float* presence, uint32_t num_rows) {
    return guard(handle, [&](Context& context) {
        Sampler& sampler = context.use<Sampler>(sampler_handle, "sampler_adjust", "sampler");
        if (num_rows != sampler.num_rows)
            fail(AERIE_BAD_SHAPE, "sampler_adjust: %u rows, expected %u", num_rows, sampler.num_rows);
        std::vector<int32_t> starts;
        copy(starts, row_starts, num_rows + 1);
        for (uint32_t r = 0; r < num_rows; ++r)
            if (starts[r + 1] < starts[r]) fail(AERIE_BAD_ARGUMENT, "sampler_adjust: row_starts[%u] decreases", r + 1);
        if (starts[0]) fail(AERIE_BAD_ARGUMENT, "sampler_adjust: row_starts[0] is %d", starts[0]);
        const size_t count = size_t(starts[num_rows]);
        copy(sampler.adjust_tokens, tokens, count);
        copy(sampler.adjust_seen, seen, count);
        copy(sampler.adjust_counts, counts, count);
        copy(sampler.adjust_bias, bias, count);
        copy(sampler.repetition, repetition, num_rows);
        copy(sampler.frequency, frequency, num_rows);
        copy(sampler.presence, presence, num_rows);
        for (size_t i = 0; i < count; ++i)
            if (sampler.adjust_tokens[i] < 0 || sampler.adjust_tokens[i] >= int32_t(sampler.vocab_size))
                fail(AERIE_BAD_ARGUMENT, "sampler_adjust: tokens[%zu] is %d", i, sampler.adjust_tokens[i]);
        for (uint32_t r = 0; r < num_rows; ++r)
            if (!(sampler.repetition[r] > 0))
                fail(AERIE_BAD_ARGUMENT, "sampler_adjust: repetition[%u] is %g", r, double(sampler.repetition[r]));
        sampler.adjust_starts = std::move(starts);
    });
}

int32_t aerie_sample(uint32_t handle, uint32_t sampler_handle, uint32_t logits_handle) {
    return guard(handle, [&](Context& context) {
        Sampler& sampler = context.use<Sampler>(sampler_handle, "sample", "sampler");
        Tensor& logits = context.use<Tensor>(logits_handle, "sample", "logits");
        if (logits.cols != sampler.vocab_size || logits.capacity < sampler.max_outputs)
            fail(AERIE_BAD_SHAPE, "sample: logits are [%u, %u], expected [%u, %u]", logits.capacity, logits.cols,
                 sampler.max_outputs, sampler.vocab_size);
        context.backend->sample(sampler, logits);
    });
}

int32_t aerie_sampler_read(uint32_t handle, int32_t* tokens, float* logprobs, int32_t* top_tokens, float* top_logprobs,
                           uint32_t sampler_handle, uint32_t num_rows) {
    return guard(handle, [&](Context& context) {
        Sampler& sampler = context.use<Sampler>(sampler_handle, "sampler_read", "sampler");
        if (num_rows > sampler.num_rows)
            fail(AERIE_BAD_SHAPE, "sampler_read: %u rows of %u", num_rows, sampler.num_rows);
        if (!num_rows) return;
        const size_t top = size_t(num_rows) * sampler.max_top;
        memcpy(tokens, sampler.tokens.data(), num_rows * sizeof(int32_t));
        memcpy(logprobs, sampler.logprobs.data(), num_rows * sizeof(float));
        if (top) {
            memcpy(top_tokens, sampler.top_tokens.data(), top * sizeof(int32_t));
            memcpy(top_logprobs, sampler.top_logprobs.data(), top * sizeof(float));
        }
    });
}

int32_t aerie_sampler_release(uint32_t handle, uint32_t sampler) {
    return guard(handle, [&](Context& context) { context.release<Sampler>(sampler, "sampler_release"); });
}
