// Draws of one sampler on the simulator, by the kernels and the host's part of them, without a backend.
#pragma once
#include <vector>

#include "cases.h"
#include "cuda/sampler.h"

using namespace aerie;

// How a row is drawn, and what is changed and asked.
struct DrawnRow {
    aerie_sampling_row with{};
    std::vector<aerie_logit_change> changes;
    std::vector<int32_t> queries;
    std::vector<uint32_t> mask;  // words; none: every token may be drawn
    std::vector<float> logits;

    // A greedy row.
    explicit DrawnRow(std::vector<float> row);
    bool allows(uint32_t token) const { return mask.empty() || mask[token / 32] >> token % 32 & 1; }
};

// All that a row got, as bits.
struct DrawnResult {
    int32_t token, rank;
    uint32_t logprob;
    std::vector<int32_t> top_tokens;
    std::vector<uint32_t> top_logprobs, queried, logits;

    bool operator==(const DrawnResult&) const = default;
};

struct DrawSetup {
    uint32_t max_top = 4;
    uint32_t more_rows = 0;    // for which the launch has room
    uint32_t num_outputs = ~0u;  // of the batch; by default as many as rows
    bool in_slices = false;    // of 256 rows
    bool in_batch = true;      // the rows follow a batch
    size_t scratch_rows = ~size_t(0);  // for which there is scratch memory
};

// Draws once; a result for every row of parameters.
std::vector<DrawnResult> draw(const DrawSetup& setup, const std::vector<DrawnRow>& rows);
// Bytes of logits that the last draw read, where accesses are counted.
uint64_t logit_bytes_read();

// Logits from -8 to 8 that are a function of the seed.
std::vector<float> random_logits(uint32_t vocab, uint64_t seed);
// A row of random logits and random parameters of every kind.
DrawnRow random_row(uint32_t vocab, uint64_t seed);
