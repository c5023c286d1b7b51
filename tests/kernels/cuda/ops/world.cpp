#include "world.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "sim/report.h"

namespace aerie::cuda {

const uint8_t* device_block(const Batch& batch) { return static_cast<const uint8_t*>(batch.block().device.address); }

void expect_success(cudaError_t error, const char* what) {
    if (error != cudaSuccess) fail(AERIE_DEVICE, "%s: %s", what, cudaGetErrorString(error));
}

}  // namespace aerie::cuda

Buffer raw_buffer(size_t bytes) {
    Buffer buffer;
    OK(cudaMalloc(&buffer.address, std::max<size_t>(bytes, 1)));
    buffer.bytes = bytes;
    buffer.owner = std::shared_ptr<void>(buffer.address, [](void* address) { cudaFree(address); });
    return buffer;
}

Buffer buffer_of(const void* data, size_t bytes) {
    Buffer buffer = raw_buffer(bytes);
    if (bytes) OK(cudaMemcpy(buffer.address, data, bytes, cudaMemcpyHostToDevice));
    return buffer;
}

Rows::Rows(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        tokens.push_back(int32_t(i));
        positions.push_back(int32_t(i));
        slots.push_back(int32_t(i));
        sources.push_back(int32_t(i));
        visible.push_back(0);
        tree_masks.push_back(1);
    }
    segment_starts.push_back(int32_t(count));
    page_table.push_back(0);
}

std::shared_ptr<Batch> batch_of(const Rows& rows) {
    BatchArrays arrays;
    arrays.num_rows = rows.count();
    arrays.num_segments = uint32_t(rows.segment_starts.size()) - 1;
    arrays.pages_per_segment = rows.pages_per_segment;
    arrays.num_outputs = uint32_t(rows.outputs.size());
    arrays.num_sources = uint32_t(rows.sources.size());
    arrays.tokens = rows.tokens.data();
    arrays.positions = rows.positions.data();
    arrays.slots = rows.slots.data();
    arrays.visible = rows.visible.data();
    arrays.tree_masks = rows.tree_masks.data();
    arrays.segment_starts = rows.segment_starts.data();
    arrays.page_table = rows.page_table.data();
    arrays.outputs = rows.outputs.data();
    arrays.sources = rows.sources.data();
    check_arrays(arrays);
    auto batch = std::make_shared<Batch>();
    batch->max_rows = arrays.num_rows + 5;
    batch->max_segments = arrays.num_segments + 2;
    batch->max_pages = arrays.pages_per_segment + 2;
    batch->max_outputs = arrays.num_outputs + 3;
    std::vector<uint8_t> block(block_bytes(arrays));
    write_block(block.data(), arrays);
    batch->block().counts = arrays;
    batch->block().device = buffer_of(block.data(), block.size());
    return batch;
}

uint64_t random_bits(uint64_t& state) {
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

std::vector<float> random_floats(size_t count, uint64_t seed) {
    std::vector<float> values(count);
    for (float& value : values) value = float(int32_t(random_bits(seed) >> 40) - (1 << 23)) * 0x1p-23f;
    return values;
}

Tensor tensor_of(const std::vector<float>& values, uint32_t cols, std::shared_ptr<Batch> batch, aerie_scope scope) {
    Tensor tensor;
    tensor.capacity = uint32_t(values.size() / cols);
    tensor.cols = cols;
    tensor.batch = std::move(batch);
    tensor.scope = scope;
    tensor.buffer = buffer_of(values.data(), values.size() * sizeof(float));
    return tensor;
}

Tensor narrow_tensor(const std::vector<float>& values, uint32_t cols, aerie_dtype dtype) {
    std::vector<uint8_t> bytes(values.size() * dtype_bytes(dtype));
    narrow(bytes.data(), values.data(), values.size(), dtype);
    Tensor tensor;
    tensor.capacity = uint32_t(values.size() / cols);
    tensor.cols = cols;
    tensor.dtype = dtype;
    tensor.buffer = buffer_of(bytes.data(), bytes.size());
    return tensor;
}

Tensor out_tensor(uint32_t rows, uint32_t cols, std::shared_ptr<Batch> batch, aerie_scope scope) {
    Tensor tensor;
    tensor.capacity = rows;
    tensor.cols = cols;
    tensor.batch = std::move(batch);
    tensor.scope = scope;
    tensor.buffer = raw_buffer(size_t(rows) * cols * sizeof(float));
    return tensor;
}

std::vector<float> read(const Tensor& tensor) { return read(tensor, tensor.capacity); }

std::vector<float> read(const Tensor& tensor, uint32_t rows) {
    const size_t count = size_t(rows) * tensor.cols;
    std::vector<uint8_t> bytes(count * dtype_bytes(tensor.dtype));
    if (count) OK(cudaMemcpy(bytes.data(), tensor.buffer.address, bytes.size(), cudaMemcpyDeviceToHost));
    std::vector<float> values(count);
    widen(values.data(), bytes.data(), count, tensor.dtype);
    return values;
}

cuda::Launch launch_of(const Batch& batch) {
    cuda::Launch launch;
    launch.max_rows = batch.max_rows;
    launch.max_segments = batch.max_segments;
    launch.max_outputs = batch.max_outputs;
    return launch;
}

void run(const std::function<void(const Op&, const cuda::Launch&)>& op, const Op& operands,
         const cuda::Launch& launch) {
    try {
        op(operands, launch);
    } catch (const Error& error) {
        fprintf(stderr, "%s\n", error.what());
        exit(1);
    }
    OK(cudaDeviceSynchronize());
    for (const auto& finding : sim::findings()) {
        fprintf(stderr, "%s: %s\n", sim::name_of(finding.fault), finding.text.c_str());
        exit(1);
    }
}

void run(const std::function<void(const Op&, const cuda::Launch&)>& op, const Op& operands) {
    const Batch* batch = aerie::batch_of(operands);
    run(op, operands, batch ? launch_of(*batch) : cuda::Launch{});
}

bool same_bits(const float* a, const float* b, size_t count) { return !memcmp(a, b, count * sizeof(float)); }

void expect_near(const std::vector<float>& values, const std::vector<double>& reference, double tolerance) {
    EXPECT(values.size() == reference.size());
    for (size_t i = 0; i < values.size(); ++i) {
        if (std::isnan(reference[i]) ? std::isnan(values[i])
                                     : values[i] == reference[i] || std::fabs(values[i] - reference[i]) <= tolerance)
            continue;
        fprintf(stderr, "number %zu of %zu is %.9g, expected %.9g\n", i, values.size(), values[i], reference[i]);
        exit(1);
    }
}
