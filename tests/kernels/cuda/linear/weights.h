// Weights of random numbers, packed, and what their products must be.
#pragma once
#include "cuda/pack.h"
#include "world.h"

struct Source {
    aerie_format format;
    uint32_t num_rows, interleaved_head_dim = 0;
    std::vector<float> values = {};  // of float32, instead of random ones
};

// A packed weight and its numbers as they are to be used, each with the largest error that its format allows.
struct TestWeight {
    Weight weight;
    std::vector<double> values, errors;  // [rows, cols]
    aerie_dtype x_dtype = AERIE_BF16;    // what products round x to

    const cuda::CudaPacked& packed() const { return cuda::packed_of(weight); }
};

TestWeight make_weight(const std::vector<Source>& sources, uint32_t cols, aerie_dtype float_dtype, uint64_t seed);

// A launch with room for so many rows takes weights of more than 32 rows with the kernel for many rows.
constexpr uint32_t kManyRows = 64 * 128;

// Products of rows of x [rows, cols] in float64, and the tolerance of each.
struct Products {
    std::vector<double> values, tolerances;
};
Products products_of(const TestWeight& weight, const std::vector<float>& x);

// x times the weight for the rows of a batch of their own; `most` is what the launch has room for (0: the rows).
std::vector<float> linear(const TestWeight& weight, const std::vector<float>& x, uint32_t most = 0);

// Ends the program where a product is further from float64's than its tolerance.
void expect_products(const TestWeight& weight, const std::vector<float>& x, const std::vector<float>& out);
