// The arithmetic of tensor cores. Products and addend are aligned to the largest exponent among them, cut off below a
// fixed number of fraction bits, summed as integers and cut off to fp32: arXiv 2511.10909, where it was measured.
#pragma once
#include <cstdint>

namespace aerie::sim {

enum class Half { bf16, f16 };

enum class Rounding {
    two_halves,  // sm_80: 8 products, 24 fraction bits; then the other 8 upon their sum
    whole        // sm_90: 16 products, 25 fraction bits
};
// That of the simulated device.
Rounding rounding();

// d[row][col] += sum over k of a[row][k] * b[k][col], with a and b as 16-bit floats.
void multiply_add(Rounding rounding, Half type, const uint16_t (&a)[16][16], const uint16_t (&b)[16][8],
                  float (&d)[16][8]);

}  // namespace aerie::sim
