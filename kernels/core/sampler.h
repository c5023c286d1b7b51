// Inputs and outputs of one draw at the border of a backend; see aerie_sampler_write and aerie_sampler_read.
#pragma once
#include "core/objects.h"

namespace aerie {

// Launches that drew last and whose results a sampler keeps.
constexpr uint32_t kNumDraws = 4;

// Parameters of the next draw, checked; but for the masks, in the caller's memory.
struct SamplerInputs {
    const aerie_sampling_row* rows = nullptr;
    const aerie_logit_change* changes = nullptr;
    const int32_t* queries = nullptr;
    uint32_t num_rows = 0, num_changes = 0, num_queries = 0;
    std::vector<uint32_t> masks;  // as in Sampler
};

// Where results go; null where they are not wanted.
struct SamplerOutputs {
    uint32_t num_rows = 0, num_queries = 0;  // num_queries: as many as there is room for
    int32_t* tokens = nullptr;               // [num_rows]
    float* logprobs = nullptr;               // [num_rows]
    int32_t* top_tokens = nullptr;           // [num_rows, max_top]
    float* top_logprobs = nullptr;           // [num_rows, max_top]
    int32_t* ranks = nullptr;                // [num_rows]
    float* query_logprobs = nullptr;         // [num_queries], of all the draw's queries
};

}  // namespace aerie
