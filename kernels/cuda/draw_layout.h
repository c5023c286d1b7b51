// How a draw's parameters and results lie in the device's memory: written by the host, read by kernels, and the other
// way round.
#pragma once
#include <cstddef>
#include <cstdint>

#include "aerie.h"
#include "core/host_device.h"

namespace aerie::cuda {

// What a launch's draw is told. It lies at the sampler's own address, or behind the arrays of the batch's block if it
// is copied with it; both stay the same or are found from what does, so that a captured graph finds what the host wrote
// last. All that may move it points to.
struct DrawHeader {
    const DrawHeader* own = nullptr;  // the sampler's address
    uint64_t version = 0;             // grows with every write of a sampler
    uint32_t num_rows = 0, num_queries = 0;
    uint32_t num_top = 0;  // the most that any row reports
    uint32_t unused = 0;
    const aerie_sampling_row* rows = nullptr;
    const aerie_logit_change* changes = nullptr;
    const int32_t* queries = nullptr;
    uint8_t* results = nullptr;
    const uint32_t* masks = nullptr;  // [masks, mask_words]
};

// Results of a draw; shapes as in SamplerOutputs, but with num_top of the header in place of max_top.
struct DrawResults {
    int32_t *tokens, *ranks;
    float* logprobs;
    int32_t* top_tokens;
    float *top_logprobs, *query_logprobs;
};

// The results of which `memory` holds num_rows, num_top a row, then those of queries.
AERIE_HOST_DEVICE inline DrawResults results_in(uint8_t* memory, size_t num_rows, size_t num_top) {
    DrawResults results;
    results.tokens = reinterpret_cast<int32_t*>(memory);
    results.ranks = results.tokens + num_rows;
    results.logprobs = reinterpret_cast<float*>(results.ranks + num_rows);
    results.top_tokens = reinterpret_cast<int32_t*>(results.logprobs + num_rows);
    results.top_logprobs = reinterpret_cast<float*>(results.top_tokens + num_rows * num_top);
    results.query_logprobs = results.top_logprobs + num_rows * num_top;
    return results;
}

inline size_t result_bytes(size_t num_rows, size_t num_top, size_t num_queries) {
    return sizeof(float) * (num_rows * (3 + 2 * num_top) + num_queries);
}

}  // namespace aerie::cuda
