// What a row of a draw reports.
#pragma once
#include "cuda/device/math.h"
#include "cuda/device/sampling.h"

namespace aerie::cuda {

// Reports the token of the block's row, and what else it asks for. `total`: of the weights, if the row reports
// logprobs.
__device__ inline void report_row(const Drawing& on, const DrawRow& row, double total, int32_t token) {
    const aerie_sampling_row& with = *row.row;
    const uint64_t* keys = on.row_keys + size_t(row.at) * on.list;
    const uint32_t num_top = row.header->num_top;
    const DrawResults results = results_in(row.header->results, row.header->num_rows, num_top);
    const bool is_none = token < 0;  // the mask allows no token
    const float logit = is_none ? -INFINITY : row.logits[token];
    const float top = logit_of(keys[0]);
    const double log_total = row.reports ? log_of(total) : 0.0;
    const auto logprob_of = [&](float of) {
        return is_none ? -INFINITY : float(double(of - top) * double(row.inverse_temperature()) - log_total);
    };
    const float logprob = logprob_of(logit);
    if (threadIdx.x == 0) {
        results.tokens[row.index] = token;
        results.ranks[row.index] = with.flags & AERIE_REPORT_RANK && !is_none ? 1 : 0;
        results.logprobs[row.index] = with.num_top >= 0 ? logprob : 0.0f;
    }
    for (uint32_t n = threadIdx.x; n < num_top; n += blockDim.x) {
        const bool is_asked = int32_t(n) < with.num_top;
        const uint64_t key = is_asked ? keys[n] : 0;
        results.top_tokens[size_t(row.index) * num_top + n] = key ? int32_t(token_of(key)) : is_asked ? -1 : 0;
        results.top_logprobs[size_t(row.index) * num_top + n] = key        ? logprob_of(logit_of(key))
                                                                : is_asked ? -INFINITY
                                                                           : 0.0f;
    }
    // Of another token: that of the drawn one plus the difference of their logits, divided by the temperature.
    const double temperature = with.temperature > 0 ? double(with.temperature) : 1.0;
    for (uint32_t i = threadIdx.x; i < with.num_queries; i += blockDim.x) {
        const float queried = row.logits[row.header->queries[with.first_query + i]];
        results.query_logprobs[with.first_query + i] =
            is_none ? -INFINITY : float(double(logprob) + (double(queried) - double(logit)) / temperature);
    }
}

}  // namespace aerie::cuda
