#include "weights.h"

#include <algorithm>
#include <cmath>

// Files of tests are in memory, which frees itself.
aerie::File::~File() = default;

namespace {

class DeviceUploader : public cuda::Uploader {
    Buffer allocate(size_t bytes) override { return raw_buffer(bytes); }
    uint8_t* piece(size_t bytes) override {
        piece_.assign(bytes, 0xff);
        return piece_.data();
    }
    void send(const Buffer& to, size_t offset, size_t bytes) override {
        OK(cudaMemcpy(static_cast<uint8_t*>(to.address) + offset, piece_.data(), bytes, cudaMemcpyHostToDevice));
    }

    std::vector<uint8_t> piece_;
};

// Where a block of a format keeps f16 numbers.
std::vector<uint32_t> halves_of(aerie_format format) {
    switch (format) {
        case AERIE_FORMAT_Q4_1:
        case AERIE_FORMAT_Q5_1:
        case AERIE_FORMAT_Q4_K:
        case AERIE_FORMAT_Q5_K:
            return {0, 2};
        case AERIE_FORMAT_Q6_K:
            return {208};
        default:
            return {0};
    }
}

bool is_float(aerie_format format) { return block_size(format).elements == 1; }
bool has_scaled_minimum(aerie_format format) { return format == AERIE_FORMAT_Q4_K || format == AERIE_FORMAT_Q5_K; }

std::vector<uint8_t> random_source(aerie_format format, size_t count, uint64_t seed) {
    std::vector<uint8_t> bytes(format_bytes(format, count));
    if (is_float(format)) {
        const std::vector<float> values = random_floats(count, seed);
        const aerie_dtype dtype = format == AERIE_FORMAT_F32   ? AERIE_F32
                                  : format == AERIE_FORMAT_F16 ? AERIE_F16
                                                               : AERIE_BF16;
        narrow(bytes.data(), values.data(), count, dtype);
        return bytes;
    }
    for (uint8_t& byte : bytes) byte = uint8_t(random_bits(seed) >> 32);
    const uint32_t block_bytes = block_size(format).bytes;
    for (size_t block = 0; block < bytes.size(); block += block_bytes) {
        for (const uint32_t at : halves_of(format)) {
            const uint16_t half = f32_to_f16(float(1 + random_bits(seed) % 1000) * 1e-5f);
            memcpy(&bytes[block + at], &half, 2);
        }
    }
    return bytes;
}

// The largest error of each number of a row: what rounding of its scale and minimum, or to 8 bits, does.
std::vector<double> errors_of(const uint8_t* row, aerie_format format, uint32_t cols, const std::vector<float>& values,
                              cuda::UnitFormat unit) {
    std::vector<double> errors(cols, 0);
    if (is_float(format) && unit == cuda::UnitFormat::q8) {
        for (uint32_t k = 0; k < cols; k += 32) {
            float largest = 0;
            for (uint32_t i = 0; i < 32; ++i) largest = std::max(largest, std::fabs(values[k + i]));
            // Half a step, and the rounded scale times 127 steps.
            for (uint32_t i = 0; i < 32; ++i) errors[k + i] = largest * (0.5 / 127 + 0x1p-11);
        }
    }
    if (format == AERIE_FORMAT_Q6_K)
        for (uint32_t k = 0; k < cols; ++k) errors[k] = std::fabs(values[k]) * 0x1p-11;
    if (has_scaled_minimum(format)) {
        std::vector<uint8_t> copy(row, row + format_bytes(format, cols));
        for (size_t block = 0; block < copy.size(); block += block_size(format).bytes) memset(&copy[block + 2], 0, 2);
        std::vector<float> scaled(cols);
        dequantize(scaled.data(), copy.data(), format, cols);
        for (uint32_t k = 0; k < cols; ++k)
            errors[k] = (std::fabs(scaled[k]) + std::fabs(values[k] - scaled[k])) * 0x1p-11;
    }
    return errors;
}

double rounded(float value, aerie_dtype dtype) {
    uint32_t bits = 0;
    narrow(&bits, &value, 1, dtype);
    widen(&value, &bits, 1, dtype);
    return value;
}

}  // namespace

TestWeight make_weight(const std::vector<Source>& sources, uint32_t cols, aerie_dtype float_dtype, uint64_t seed) {
    TestWeight made;
    made.weight.cols = cols;
    std::vector<float> values(cols);
    for (const Source& source : sources) {
        std::vector<uint8_t> bytes = random_source(source.format, size_t(source.num_rows) * cols, ++seed);
        if (!source.values.empty()) memcpy(bytes.data(), source.values.data(), bytes.size());
        const size_t row_bytes = bytes.size() / source.num_rows;
        const cuda::UnitFormat unit = cuda::unit_format(source.format, float_dtype, cols);
        const bool is_f32 = unit == cuda::UnitFormat::f32, is_f16 = unit == cuda::UnitFormat::f16;
        made.x_dtype = is_f32 ? AERIE_F32 : is_f16 ? AERIE_F16 : AERIE_BF16;
        for (uint32_t row = 0; row < source.num_rows; ++row) {
            uint32_t from = row;
            if (const uint32_t dim = source.interleaved_head_dim) {
                const uint32_t head = row / dim, i = row % dim;
                from = head * dim + (i < dim / 2 ? 2 * i : 2 * (i - dim / 2) + 1);
            }
            const uint8_t* data = &bytes[from * row_bytes];
            dequantize(values.data(), data, source.format, cols);
            const std::vector<double> errors = errors_of(data, source.format, cols, values, unit);
            for (uint32_t k = 0; k < cols; ++k) {
                const bool rounds = is_float(source.format) && unit != cuda::UnitFormat::q8;
                made.values.push_back(rounds ? rounded(values[k], made.x_dtype) : values[k]);
                made.errors.push_back(errors[k]);
            }
        }
        // A padded file, so that rows have bytes between them.
        const size_t stride = row_bytes + 7;
        auto file = std::make_shared<File>();
        file->bytes = stride * source.num_rows + 3;
        file->memory.reset(new uint8_t[file->bytes]());
        file->data = file->memory.get();
        for (uint32_t row = 0; row < source.num_rows; ++row)
            memcpy(&file->memory[3 + row * stride], &bytes[row * row_bytes], row_bytes);
        made.weight.parts.push_back({.file = std::move(file),
                                     .offset = 3,
                                     .row_bytes = stride,
                                     .format = source.format,
                                     .first_row = made.weight.rows,
                                     .num_rows = source.num_rows,
                                     .interleaved_head_dim = source.interleaved_head_dim,
                                     .groups = nullptr});
        made.weight.rows += source.num_rows;
    }
    DeviceUploader uploader;
    cuda::pack_weight(made.weight, float_dtype, uploader, [](uint32_t count, const auto& body) {
        body(0, count / 2);
        body(count / 2, count);
    });
    EXPECT(made.weight.bytes == made.packed().memory.bytes && !made.weight.parts[0].file);
    return made;
}

// A product of mma cuts nine terms off at 2^-24 of the largest, and their sum at 2^-23; eight inputs are the fewest
// that are added at once. No term or sum is larger than the sum of all magnitudes.
Products products_of(const TestWeight& weight, const std::vector<float>& x) {
    const uint32_t cols = weight.weight.cols, n = weight.weight.rows;
    const double steps = (cols + 7) / 8 + 8;
    Products products;
    for (size_t row = 0; row < x.size() / cols; ++row) {
        for (uint32_t col = 0; col < n; ++col) {
            double sum = 0, magnitude = 0, error = 0;
            for (uint32_t k = 0; k < cols; ++k) {
                const double factor = rounded(x[row * cols + k], weight.x_dtype), value = weight.values[col * cols + k];
                sum += factor * value;
                magnitude += std::fabs(factor) * (std::fabs(value) + weight.errors[col * cols + k]);
                error += std::fabs(factor) * weight.errors[col * cols + k];
            }
            products.values.push_back(sum);
            products.tolerances.push_back(error * 1.001 + magnitude * steps * 10 * 0x1p-23);
        }
    }
    return products;
}

std::vector<float> linear(const TestWeight& weight, const std::vector<float>& x, uint32_t most) {
    const uint32_t rows = uint32_t(x.size() / weight.weight.cols);
    const std::shared_ptr<Batch> batch = batch_of(Rows(rows));
    Tensor in = tensor_of(x, weight.weight.cols, batch), out = out_tensor(rows, weight.weight.rows, batch);
    Op op{.kind = OpKind::linear, .out = &out, .x = &in, .weight = &weight.weight};
    cuda::Launch launch = launch_of(*batch);
    launch.max_rows = most ? most : rows;
    run(cuda::linear, op, launch);
    return read(out);
}

void expect_products(const TestWeight& weight, const std::vector<float>& x, const std::vector<float>& out) {
    const Products products = products_of(weight, x);
    EXPECT(out.size() == products.values.size());
    for (size_t i = 0; i < out.size(); ++i) {
        const double difference = std::fabs(out[i] - products.values[i]);
        if (difference <= products.tolerances[i]) continue;
        fprintf(stderr, "product %zu of %zu is %.9g, expected %.9g +- %.3g\n", i, out.size(), out[i],
                products.values[i], products.tolerances[i]);
        exit(1);
    }
}
