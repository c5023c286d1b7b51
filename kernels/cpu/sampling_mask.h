// Which tokens of a row may be drawn, 16 or 32 at a time, as loops over logits take them.
#pragma once
#include <cstdint>

namespace aerie::cpu {

// A row of words of aerie_sampler_mask; without words every token may be drawn.
struct Mask {
    const uint32_t* words = nullptr;

    // The bits of the 32 tokens from `first` on, a multiple of 32; any for what is past the vocabulary.
    uint32_t word(uint32_t first) const { return words ? words[first / 32] : ~0u; }
    // The bits of the 16 tokens from `first` on, a multiple of 16.
    uint32_t bits(uint32_t first) const { return words ? words[first / 32] >> first % 32 & 0xffff : 0xffff; }
    bool allows(uint32_t token) const { return !words || words[token / 32] >> token % 32 & 1; }
    // The lowest token that may be drawn, or -1.
    int32_t first(uint32_t vocab) const {
        for (uint32_t token = 0; token < vocab; ++token) {
            if (!bits(token / 16 * 16))
                token |= 15;
            else if (allows(token))
                return int32_t(token);
        }
        return -1;
    }
};

}  // namespace aerie::cpu
