// Tensors, batches and pools in the simulator's memory, made by hand: what a backend would hand to an op.
#pragma once
#include <cuda_runtime.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cases.h"
#include "core/formats.h"
#include "cuda/op.h"

using namespace aerie;

// Memory of the device that holds these bytes.
Buffer buffer_of(const void* data, size_t bytes);
// Memory of which nobody wrote any byte.
Buffer raw_buffer(size_t bytes);

struct Rows {
    std::vector<int32_t> tokens, positions, slots, visible;
    std::vector<uint64_t> tree_masks;
    std::vector<int32_t> segment_starts{0}, page_table, outputs, sources;
    uint32_t pages_per_segment = 1;

    // `count` rows whose slots and sources are their numbers.
    explicit Rows(uint32_t count = 0);
    uint32_t count() const { return uint32_t(visible.size()); }
};
std::shared_ptr<Batch> batch_of(const Rows& rows);

// Numbers in [-1, 1) that are a function of the seed.
std::vector<float> random_floats(size_t count, uint64_t seed);
uint64_t random_bits(uint64_t& state);

Tensor tensor_of(const std::vector<float>& values, uint32_t cols, std::shared_ptr<Batch> batch = nullptr,
                 aerie_scope scope = AERIE_ROWS);
// As tensor_of, with numbers narrowed.
Tensor narrow_tensor(const std::vector<float>& values, uint32_t cols, aerie_dtype dtype);
// Rows that an op shall write.
Tensor out_tensor(uint32_t rows, uint32_t cols, std::shared_ptr<Batch> batch, aerie_scope scope = AERIE_ROWS);
std::vector<float> read(const Tensor& tensor);
// The first `rows` rows, which must be written.
std::vector<float> read(const Tensor& tensor, uint32_t rows);

// A launch made for a few more rows than the batch has.
cuda::Launch launch_of(const Batch& batch);

// Runs an op and waits for it.
void run(const std::function<void(const Op&, const cuda::Launch&)>& op, const Op& operands, const cuda::Launch& launch);
void run(const std::function<void(const Op&, const cuda::Launch&)>& op, const Op& operands);

bool same_bits(const float* a, const float* b, size_t count);
// Ends the program where a number is further from the reference than `tolerance`, or not a NaN where that is one.
void expect_near(const std::vector<float>& values, const std::vector<double>& reference, double tolerance);
