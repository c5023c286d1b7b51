// Block formats of two to four bits: Q2_K, Q3_K, IQ4_NL, IQ4_XS and MXFP4, in runs of 32 values. All but Q2_K, which
// has minima, are whole numbers times a scale.
#pragma once
#include <cstdint>

#include "aerie.h"

namespace aerie {

constexpr uint32_t kRunValues = 32;

// A run: value i is scale * numbers[i].
struct ScaledNumbers {
    int16_t numbers[kRunValues];  // -128 .. 128
    float scale;
};

// Run `run` of a block of such a format other than Q2_K.
void read_numbers(ScaledNumbers& out, const uint8_t* block, aerie_format format, uint32_t run);

// out [32] = the values of run `run` of a block of such a format.
void read_run(float* out, const uint8_t* block, aerie_format format, uint32_t run);

}  // namespace aerie
