// What must hold of linear and embedding for weights of every format; ends the program where it does not.
#pragma once
#include "weights.h"

// A row's products are the same bits among any others, at any place, whatever the launch has room for.
void expect_same_bits(const std::vector<Source>& sources, aerie_dtype dtype, uint32_t cols);

// Bytes of a weight that kernels read since sim::forget(), in the checked build.
uint64_t weight_bytes_read(const TestWeight& weight);

// Every row read back, and zeros for no token.
void expect_embedding(const std::vector<Source>& sources, uint32_t cols, aerie_dtype dtype);

// The residual is added to the product, whether it is the output itself or not.
void expect_residual_added(const std::vector<Source>& sources, uint32_t cols);
