// Draws the next token of each output row. Order: logit changes (penalties, bias), mask, temperature, softmax, then one
// descending order in which rank < top_k, mass before the token <= top_p and p >= min_p * p_max must all hold, then a
// draw by inverse distribution function with one Philox number. Ties go to the lower token id.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "core/philox.h"
#include "cpu/ops.h"
#include "cpu/sampler.h"
#include "cpu/sampling_mask.h"
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

void change_logits(float* logits, const aerie_sampling_row& row, const DrawInputs& inputs) {
    for (uint32_t i = row.first_change; i < row.first_change + row.num_changes; ++i) {
        const aerie_logit_change& change = inputs.changes[i];
        float& logit = logits[change.token];
        if (change.seen) logit = logit > 0 ? logit / row.repetition : logit * row.repetition;
        logit -= row.frequency * float(change.count) + (change.count > 0 ? row.presence : 0.0f);
        logit += change.bias;
    }
}

// Makes logits of tokens that may not be drawn -infinity. The largest of those that are not NaN.
float mask_logits(float* logits, uint32_t vocab, Mask mask) {
    const Floats none = set1(-INFINITY);
    Floats best = none;
    uint32_t i = 0;
    for (; i + 32 <= vocab; i += 32) {
        const uint32_t bits = mask.word(i);
        Floats low = none, high = none;
        if (bits != 0) {
            low = load(logits + i);
            high = load(logits + i + 16);
        }
        if (bits != ~0u) {
            store(logits + i, low = select(bits & 0xffff, low, none));
            store(logits + i + 16, high = select(bits >> 16, high, none));
        }
        best = max(high, max(low, best));
    }
    float value = reduce_max(best);
    for (; i < vocab; ++i) {
        if (!mask.allows(i)) logits[i] = -INFINITY;
        value = logits[i] > value ? logits[i] : value;
    }
    return value;
}

// Whether any of the 16 logits from `i` on, or of the last, may be `value` or more.
bool may_reach(const float* logits, uint32_t i, uint32_t vocab, float value) {
    return vocab - i < 16 || less(load(logits + i), set1(value)) != 0xffff;
}

// The lowest token whose logit is the largest of those that may be drawn; -1 if none may.
int32_t best_token(const float* logits, uint32_t vocab, float largest, Mask mask) {
    for (uint32_t first = 0; first < vocab; first += 16) {
        if (!may_reach(logits, first, vocab, largest)) continue;
        for (uint32_t i = first; i < std::min(first + 16, vocab); ++i)
            if (logits[i] == largest && mask.allows(i)) return int32_t(i);
    }
    return mask.first(vocab);
}

// p = exp((logits - top) * inverse temperature); returns the total.
double softmax(const Workspace& work, const float* logits, uint32_t vocab, float top, float inverse_temperature,
               Mask mask) {
    const Floats shift = set1(top), inverse = set1(inverse_temperature);
    double total = 0;
    for (uint32_t chunk = 0; chunk < vocab; chunk += kChunk) {
        const uint32_t end = std::min(chunk + kChunk, vocab);
        Floats sum = set1(0.0f);
        for (uint32_t i = chunk; i < end; i += 16) {
            if (!mask.bits(i)) {
                store(work.p + i, set1(0.0f));
                continue;
            }
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
    // Partial sort: the cut is lowered until the tokens above it include every token that the filters can keep. Of 0
    // are only tokens that cannot be drawn.
    uint32_t count = 0;
    for (const float depth : {1e-3f, 1e-6f, FLT_MIN}) {
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
    if (top_k < count) std::nth_element(work.candidates, work.candidates + top_k, work.candidates + count);
    count = std::min(count, top_k);
    std::sort(work.candidates, work.candidates + count);
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

int32_t draw_token(const aerie_sampling_row& row, const Workspace& work, uint32_t vocab, double total) {
    const double uniform = philox_uniform(row.seed_low, row.seed_high, uint32_t(row.position));
    const uint32_t top_k = row.top_k ? uint32_t(row.top_k) : vocab;
    if (top_k >= vocab && row.top_p >= 1 && row.min_p <= 0) return draw_unfiltered(work, vocab, uniform * total);
    return draw_filtered(work, vocab, total, top_k, row.top_p, row.min_p, uniform);
}

// NaN is below all others.
bool is_above(float logit, float other) { return logit > other || (other != other && logit == logit); }

// Writes the `count` largest logits in descending order, of tokens that may be drawn; how many there were.
uint32_t report_top(const float* logits, uint32_t vocab, Mask mask, uint32_t count, int32_t* tokens, float* values) {
    uint32_t filled = 0;
    for (uint32_t first = 0; first < vocab && count; first += 16) {
        if (filled == count ? !may_reach(logits, first, vocab, values[count - 1]) : !mask.bits(first)) continue;
        for (uint32_t i = first; i < std::min(first + 16, vocab); ++i) {
            if (!mask.allows(i) || (filled == count && !is_above(logits[i], values[count - 1]))) continue;
            uint32_t at = filled < count ? filled++ : count - 1;
            for (; at && is_above(logits[i], values[at - 1]); --at) {
                values[at] = values[at - 1];
                tokens[at] = tokens[at - 1];
            }
            values[at] = logits[i];
            tokens[at] = int32_t(i);
        }
    }
    return filled;
}

// 1 + the number of larger logits.
int32_t rank_of(const float* logits, uint32_t vocab, float logit) {
    const Floats own = set1(logit);
    int32_t rank = 1;
    uint32_t i = 0;
    for (; i + 16 <= vocab; i += 16) rank += __builtin_popcount(less(own, load(logits + i)));
    for (; i < vocab; ++i) rank += logits[i] > logit;
    return rank;
}

void sample_row(const CpuSampler& sampler, Draw& draw, uint32_t index, float* logits, Scratch& scratch) {
    const aerie_sampling_row& row = draw.inputs.rows[index];
    const uint32_t vocab = sampler.vocab_size;
    const Workspace work(scratch, vocab);
    change_logits(logits, row, draw.inputs);
    const Mask mask{sampler.mask_of(row)};
    const float inverse = row.temperature > 0 ? 1.0f / row.temperature : 1.0f, top = mask_logits(logits, vocab, mask);
    const bool reports = row.num_top >= 0 || row.num_queries > 0;
    bool draws = row.temperature > 0 && row.target < 0;
    double total = 0;
    if (draws || reports) total = softmax(work, logits, vocab, top, inverse, mask);
    if (!(total >= 1 && total < INFINITY)) draws = false;  // no distribution: some logits are not finite
    const int32_t token = row.target >= 0 ? row.target
                          : draws         ? draw_token(row, work, vocab, total)
                                          : best_token(logits, vocab, top, mask);
    draw.tokens[index] = token;
    if (row.flags & AERIE_REPORT_RANK) draw.ranks[index] = token < 0 ? 0 : rank_of(logits, vocab, logits[token]);
    if (!reports) return;
    const float own = token < 0 ? -INFINITY : logits[token];
    const auto logprob_of = [&](float logit) {
        return token < 0 ? -INFINITY : float(double(logit - top) * double(inverse) - ::log(total));
    };
    const float logprob = logprob_of(own);
    // Logprob of another token: that of the drawn token plus the difference of their logits, divided by the
    // temperature.
    const double temperature = row.temperature > 0 ? double(row.temperature) : 1.0;
    for (uint32_t i = row.first_query; i < row.first_query + row.num_queries; ++i) {
        const double difference = token < 0 ? 0.0 : double(logits[draw.inputs.queries[i]]) - double(own);
        draw.query_logprobs[i] = float(double(logprob) + difference / temperature);
    }
    if (row.num_top < 0) return;
    draw.logprobs[index] = logprob;
    float* values = draw.top_logprobs.data() + size_t(index) * sampler.max_top;
    int32_t* tokens = draw.top_tokens.data() + size_t(index) * sampler.max_top;
    const uint32_t num_top = uint32_t(row.num_top), filled = report_top(logits, vocab, mask, num_top, tokens, values);
    for (uint32_t i = 0; i < filled; ++i) values[i] = logprob_of(values[i]);
    std::fill(tokens + filled, tokens + num_top, -1);
    std::fill(values + filled, values + num_top, -INFINITY);
}

}  // namespace

// The rows of the slice of outputs at hand that have parameters.
void sample(const Op& op, const Worker& worker) {
    auto& sampler = *static_cast<CpuSampler*>(op.sampler);
    Draw& draw = sampler.draw_of(worker.launch);
    const auto num_rows = uint32_t(draw.inputs.rows.size()), first = std::min(worker.first_output, num_rows);
    const uint32_t count = std::min(num_rows - first, rows_of(op, *op.out, worker));
    for (uint32_t i; (i = op.cursor->fetch_add(1, std::memory_order_relaxed)) < count;)
        sample_row(sampler, draw, first + i, floats(*op.out, worker) + size_t(i) * op.out->cols, *worker.scratch);
}

}  // namespace aerie::cpu::AERIE_ISA
