// A sampler's memory on the CPU: the parameters of the next draw, and the last draws with their results.
#pragma once
#include <vector>

#include "core/sampler.h"

namespace aerie::cpu {

struct DrawInputs {
    std::vector<aerie_sampling_row> rows;
    std::vector<aerie_logit_change> changes;
    std::vector<int32_t> queries;
};

// The parameters and results of one launch's draws. Shapes are those of SamplerOutputs, for all rows.
struct Draw {
    uint64_t launch = 0;  // its number
    DrawInputs inputs;
    std::vector<int32_t> tokens, top_tokens, ranks;
    std::vector<float> logprobs, top_logprobs, query_logprobs;
};

class CpuSampler final : public Sampler {
  public:
    // Sets the parameters of launches from now on.
    void write(SamplerInputs inputs);
    // Begins the draw of a launch, before it runs: takes over the parameters and forgets the fourth last draw. What a
    // launch draws twice is one draw, whose later results stay.
    void begin_draw(uint64_t launch);
    // The draw of a launch that was begun; 0: the last one. Throws AERIE_BAD_HANDLE if it is not among the last four.
    Draw& draw_of(uint64_t launch);
    // Copies the first rows of what a launch drew, and all its queries.
    void read(const SamplerOutputs& outputs, uint64_t launch);

    // The words of a row's mask, as written last, which is what the launch at hand draws by; null: every token may
    // come.
    const uint32_t* mask_of(const aerie_sampling_row& row) const {
        return row.mask < 0 || row.target >= 0 ? nullptr : masks_.data() + size_t(row.mask) * mask_words();
    }

  private:
    DrawInputs next_;
    std::vector<uint32_t> masks_;
    Draw draws_[kNumDraws];
    uint32_t last_ = 0;
};

}  // namespace aerie::cpu
