// route and expert_sum: which experts a row goes to, and what they make of it (Shazeer et al. 2017).
#include <limits>

#include "cpu/fused.h"

namespace aerie::cpu::AERIE_ISA {

void route(const Op& op, const Worker& worker) {
    const uint32_t num_experts = op.x->cols, top_k = op.out->cols / 2;
    uint32_t first, last;
    worker.share(rows_of(op, *op.out, worker), first, last);
    for (uint32_t row = first; row < last; ++row) {
        const float* const logits = floats(*op.x, worker) + size_t(row) * num_experts;
        float* const out = floats(*op.out, worker) + size_t(row) * 2 * top_k;
        uint64_t chosen[kMostExperts / 64] = {};
        for (uint32_t place = 0; place < top_k; ++place) {
            uint32_t best = num_experts;
            for (uint32_t i = 0; i < num_experts; ++i) {
                if (chosen[i / 64] >> i % 64 & 1) continue;
                // NaN comes behind all numbers.
                if (best == num_experts || logits[i] > logits[best] ||
                    (logits[best] != logits[best] && logits[i] == logits[i]))
                    best = i;
            }
            chosen[best / 64] |= uint64_t(1) << best % 64;
            out[place] = float(best);
        }
        const Floats top = set1(logits[uint32_t(out[0])]);
        float sum = 0;
        if (op.normalise) {
            for (uint32_t place = 0; place < top_k; ++place) out[top_k + place] = logits[uint32_t(out[place])];
            for (uint32_t i = 0; i < top_k; i += 16) {
                const Floats weights = exp(sub(load_n(out + top_k + i, top_k - i), top));
                store_n(out + top_k + i, weights, top_k - i);
            }
            for (uint32_t place = 0; place < top_k; ++place) sum += out[top_k + place];
        } else {
            for (uint32_t i = 0; i < num_experts; i += 16) {
                alignas(64) float weights[16];
                store(weights, exp(sub(load_n(logits + i, num_experts - i), top)));
                for (uint32_t lane = 0; lane < std::min(16u, num_experts - i); ++lane) sum += weights[lane];
            }
            for (uint32_t place = 0; place < top_k; ++place) {
                alignas(64) float weights[16];
                store(weights, exp(sub(set1(logits[uint32_t(out[place])]), top)));
                out[top_k + place] = weights[0];
            }
        }
        for (uint32_t place = 0; place < top_k; ++place) out[top_k + place] /= sum;
    }
}

void expert_sum(const Op& op, const Worker& worker) {
    const uint32_t cols = op.out->cols, top_k = top_k_of(op), vectors = (cols + 15) / 16;
    uint32_t first, last;
    worker.share(rows_of(op, *op.out, worker) * vectors, first, last);
    for (uint32_t item = first; item < last; ++item) {
        const uint32_t row = item / vectors, i = item % vectors * 16, n = cols - i;
        const float* const weights = floats(*op.y, worker) + size_t(row) * 2 * top_k + top_k;
        const float* const x = floats(*op.x, worker) + size_t(row) * top_k * cols + i;
        Floats sum = set1(0.0f);
        for (uint32_t place = 0; place < top_k; ++place)
            sum = add(sum, mul(load_n(x + size_t(place) * cols, n), set1(weights[place])));
        store_n(floats(*op.out, worker) + size_t(row) * cols + i, sum, n);
    }
}

}  // namespace aerie::cpu::AERIE_ISA
