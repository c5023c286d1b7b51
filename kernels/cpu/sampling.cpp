// Draws the next token of each output row. Order: adjustments (penalties, bias), temperature, softmax, then one
// descending order in which rank < top_k, mass before the token <= top_p and p >= min_p * p_max must all hold, then a
// draw by inverse distribution function with one Philox number. Ties go to the lower token id.
#include <algorithm>
#include <cmath>

#include "core/philox.h"
#include "cpu/ops.h"
#include "cpu/simd/simd.h"

namespace aerie::cpu::AERIE_ISA {
namespace {

constexpr uint32_t kChunk = 1024;  // tokens summed together

struct Candidate {
    float p;
    int32_t token;
    bool operator<(const Candidate& other) const { return p > other.p || (p == other.p && token < other.token); }
};

// A worker's memory: probabilities [vocab], candidates [vocab], sums of chunks.
struct Workspace {
    float* p;
    Candidate* candidates;
    double* chunk_sums;

    Workspace(Scratch& scratch, uint32_t vocab) {
        const size_t padded = (size_t(vocab) + 15) / 16 * 16,
                     bytes = padded * 12 + (vocab / kChunk + 1) * sizeof(double);
        if (scratch.candidates.bytes() < bytes) scratch.candidates = Memory(bytes);
        p = reinterpret_cast<float*>(scratch.candidates.data());
        candidates = reinterpret_cast<Candidate*>(p + padded);
        chunk_sums = reinterpret_cast<double*>(candidates + padded);
    }
};

void adjust(const Sampler& sampler, uint32_t row, float* logits) {
    if (sampler.adjust_starts.empty()) return;
    for (int32_t i = sampler.adjust_starts[row]; i < sampler.adjust_starts[row + 1]; ++i) {
        float& logit = logits[sampler.adjust_tokens[i]];
        const int32_t count = sampler.adjust_counts[i];
        if (sampler.adjust_seen[i])
            logit = logit > 0 ? logit / sampler.repetition[row] : logit * sampler.repetition[row];
        logit -= sampler.frequency[row] * float(count) + (count > 0 ? sampler.presence[row] : 0.0f);
        logit += sampler.adjust_bias[i];
    }
}

float largest(const float* logits, uint32_t vocab) {
    Floats best = set1(-INFINITY);
    uint32_t i = 0;
    for (; i + 16 <= vocab; i += 16) best = max(best, load(logits + i));
    float value = reduce_max(best);
    for (; i < vocab; ++i) value = logits[i] > value ? logits[i] : value;
    return value;
}

// Whether any of the 16 logits from `i` on, or of the last, may be `value` or more.
bool may_reach(const float* logits, uint32_t i, uint32_t vocab, float value) {
    return vocab - i < 16 || less(load(logits + i), set1(value)) != 0xffff;
}

int32_t first_equal(const float* logits, uint32_t vocab, float value) {
    for (uint32_t first = 0; first < vocab; first += 16) {
        if (!may_reach(logits, first, vocab, value)) continue;
        for (uint32_t i = first; i < std::min(first + 16, vocab); ++i)
            if (logits[i] == value) return int32_t(i);
    }
    return 0;
}

// p = exp((logits - top) * inverse temperature); returns the total.
double softmax(const Workspace& work, const float* logits, uint32_t vocab, float top, float inverse_temperature) {
    const Floats shift = set1(top), inverse = set1(inverse_temperature);
    double total = 0;
    for (uint32_t chunk = 0; chunk < vocab; chunk += kChunk) {
        const uint32_t end = std::min(chunk + kChunk, vocab);
        Floats sum = set1(0.0f);
        for (uint32_t i = chunk; i < end; i += 16) {
            Floats p = exp(mul(sub(load_n(logits + i, end - i), shift), inverse));
            if (end - i < 16) p = select((1u << (end - i)) - 1, p, set1(0.0f));
            sum = add(sum, p);
            store(work.p + i, p);
        }
        work.chunk_sums[chunk / kChunk] = double(reduce_add(sum));
        total += work.chunk_sums[chunk / kChunk];
    }
    return total;
}

// The token at which the running sum of p passes `mass`.
int32_t draw_unfiltered(const Workspace& work, uint32_t vocab, double mass) {
    int32_t last = 0;
    for (uint32_t chunk = 0; chunk < vocab; chunk += kChunk) {
        const double sum = work.chunk_sums[chunk / kChunk];
        const uint32_t end = std::min(chunk + kChunk, vocab);
        if (mass >= sum) {
            mass -= sum;
            continue;
        }
        for (uint32_t i = chunk; i < end; ++i) {
            if (work.p[i] > 0) last = int32_t(i);
            mass -= double(work.p[i]);
            if (mass < 0) return last;
        }
        return last;  // rounding: the sum of the parts fell short of the chunk's
    }
    for (uint32_t i = 0; i < vocab; ++i)
        if (work.p[i] > 0) last = int32_t(i);
    return last;
}

int32_t draw_filtered(const Workspace& work, uint32_t vocab, double total, uint32_t top_k, float top_p, float min_p,
                      double uniform) {
    // Only the head of the order is needed: lower the cut until it holds everything the filters can keep.
    uint32_t count = 0;
    for (const float depth : {1e-3f, 1e-6f, 0.0f}) {
        const float cut = std::max(depth, min_p);
        double mass = 0;
        count = 0;
        for (uint32_t i = 0; i < vocab; ++i)
            if (work.p[i] >= cut) {
                work.candidates[count++] = {work.p[i], int32_t(i)};
                mass += double(work.p[i]);
            }
        if (count >= top_k || mass > double(top_p) * total || cut == min_p) break;
    }
    std::sort(work.candidates, work.candidates + count);
    count = std::min(count, top_k);
    double kept = 0;
    uint32_t num_kept = 0;
    while (num_kept < count && kept <= double(top_p) * total) kept += double(work.candidates[num_kept++].p);
    double mass = uniform * kept;
    for (uint32_t i = 0; i < num_kept; ++i) {
        mass -= double(work.candidates[i].p);
        if (mass < 0) return work.candidates[i].token;
    }
    return work.candidates[num_kept - 1].token;
}

int32_t draw(const Sampler& sampler, uint32_t row, const Workspace& work, double total) {
    const uint32_t vocab = sampler.vocab_size;
    const double uniform = philox_uniform(sampler.seed[row], sampler.seed_high[row], uint32_t(sampler.position[row]));
    const uint32_t top_k = sampler.top_k[row] ? uint32_t(sampler.top_k[row]) : vocab;
    if (top_k >= vocab && sampler.top_p[row] >= 1 && sampler.min_p[row] <= 0)
        return draw_unfiltered(work, vocab, uniform * total);
    return draw_filtered(work, vocab, total, top_k, sampler.top_p[row], sampler.min_p[row], uniform);
}

// Writes the `count` largest logits in descending order.
void report_top(const float* logits, uint32_t vocab, uint32_t count, int32_t* tokens, float* values) {
    uint32_t filled = 0;
    for (uint32_t first = 0; first < vocab && count; first += 16) {
        if (filled == count && !may_reach(logits, first, vocab, values[count - 1])) continue;
        for (uint32_t i = first; i < std::min(first + 16, vocab); ++i) {
            if (filled == count && !(logits[i] > values[count - 1])) continue;
            uint32_t at = filled < count ? filled++ : count - 1;
            for (; at && logits[i] > values[at - 1]; --at) {
                values[at] = values[at - 1];
                tokens[at] = tokens[at - 1];
            }
            values[at] = logits[i];
            tokens[at] = int32_t(i);
        }
    }
}

void sample_row(Sampler& sampler, uint32_t row, float* logits, Scratch& scratch) {
    const uint32_t vocab = sampler.vocab_size;
    const Workspace work(scratch, vocab);
    adjust(sampler, row, logits);
    const float temperature = sampler.temperature[row], inverse = temperature > 0 ? 1.0f / temperature : 1.0f;
    bool drawn = temperature > 0 && sampler.target[row] < 0;
    const float top = largest(logits, vocab);
    double total = 0;
    if (drawn || sampler.num_top[row] >= 0) total = softmax(work, logits, vocab, top, inverse);
    if (!(total >= 1 && total < INFINITY)) drawn = false;  // no distribution: some logits are not finite
    sampler.tokens[row] = sampler.target[row] >= 0 ? sampler.target[row]
                          : drawn                  ? draw(sampler, row, work, total)
                                                   : first_equal(logits, vocab, top);
    if (sampler.num_top[row] < 0) return;
    const auto logprob = [&](float logit) { return float(double(logit - top) * double(inverse) - ::log(total)); };
    sampler.logprobs[row] = logprob(logits[sampler.tokens[row]]);
    float* values = sampler.top_logprobs.data() + size_t(row) * sampler.max_top;
    report_top(logits, vocab, uint32_t(sampler.num_top[row]), sampler.top_tokens.data() + size_t(row) * sampler.max_top,
               values);
    for (int32_t i = 0; i < sampler.num_top[row]; ++i) values[i] = logprob(values[i]);
}

}  // namespace

void sample(const Op& op, const Worker& worker) {
    Sampler& sampler = *op.sampler;
    for (uint32_t row; (row = op.cursor->fetch_add(1, std::memory_order_relaxed)) < sampler.num_rows;)
        sample_row(sampler, row, op.out->data + size_t(row) * op.out->cols, *worker.scratch);
}

}  // namespace aerie::cpu::AERIE_ISA
