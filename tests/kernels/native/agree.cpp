// Runs the same random cases on two instruction sets and compares: the portable kernels, which the TypeScript tests
// hold against a float64 reference, judge those that only another machine (or qemu) can run.
//   agree ISA   compares ISA with "portable"; prints "N cases agree" or the first that does not, exit status 1
#include <aerie.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

uint32_t state = 1;
uint32_t next() { return state = state * 1664525u + 1013904223u, state >> 8; }
float uniform() { return float(next()) / float(1 << 23) - 1.0f; }

void check(uint32_t context, int32_t status) {
    if (!status) return;
    char text[512];
    aerie_context_error(context, text, sizeof text);
    fprintf(stderr, "status %d: %s\n", status, text);
    exit(2);
}

std::vector<float> floats(size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = uniform();
    return values;
}

struct Block {
    int32_t format;
    uint32_t elements, bytes, num_halves;  // f16 fields at the start (Q6_K: at the end)
};
constexpr Block kBlocks[] = {
    {AERIE_FORMAT_F32, 1, 4, 0},      {AERIE_FORMAT_F16, 1, 2, 1},     {AERIE_FORMAT_BF16, 1, 2, 0},
    {AERIE_FORMAT_Q4_0, 32, 18, 1},   {AERIE_FORMAT_Q4_1, 32, 20, 2},  {AERIE_FORMAT_Q5_0, 32, 22, 1},
    {AERIE_FORMAT_Q5_1, 32, 24, 2},   {AERIE_FORMAT_Q8_0, 32, 34, 1},  {AERIE_FORMAT_Q4_K, 256, 144, 2},
    {AERIE_FORMAT_Q5_K, 256, 176, 2}, {AERIE_FORMAT_Q6_K, 256, 210, 1}};

// A file of `count` elements with numbers of sane size.
std::string random_file(const Block& block, size_t count) {
    std::vector<uint8_t> bytes(count / block.elements * block.bytes);
    for (uint8_t& byte : bytes) byte = uint8_t(next());
    for (size_t at = 0; at < bytes.size(); at += block.bytes) {
        const uint32_t first = block.format == AERIE_FORMAT_Q6_K ? 208 : 0;
        for (uint32_t i = 0; i < block.num_halves; ++i) {
            const uint16_t half = uint16_t(0x2000 | (next() & 0x83ff));  // 2^-7 to 2^-6, either sign
            memcpy(&bytes[at + first + 2 * i], &half, 2);
        }
        const float value = uniform();
        if (block.format == AERIE_FORMAT_F32) memcpy(&bytes[at], &value, 4);
        if (block.format == AERIE_FORMAT_BF16) memcpy(&bytes[at], reinterpret_cast<const char*>(&value) + 2, 2);
    }
    const std::string path = std::string(getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp") + "/agree.bin";
    FILE* file = fopen(path.c_str(), "wb");
    if (!file || fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size()) exit(2);
    fclose(file);
    return path;
}

std::vector<float> run_linear(uint32_t context, const Block& block, const std::string& path, uint32_t rows,
                              uint32_t cols, uint32_t num_rows, const std::vector<float>& input) {
    uint32_t file, weight, x, out;
    check(context, aerie_file_open(context, &file, path.data(), uint32_t(path.size())));
    check(context, aerie_weight_create(context, &weight, rows, cols));
    check(context, aerie_weight_append(context, weight, file, 0, 0, block.format, rows, 0));
    check(context, aerie_weight_pack(context, weight,
                                     block.format == AERIE_FORMAT_F32   ? AERIE_F32
                                     : block.format == AERIE_FORMAT_F16 ? AERIE_F16
                                                                        : AERIE_BF16));
    check(context, aerie_tensor_create(context, &x, num_rows, cols));
    check(context, aerie_tensor_create(context, &out, num_rows, rows));
    check(context, aerie_tensor_write(context, x, input.data(), 0, num_rows));
    check(context, aerie_linear(context, out, x, weight, 0));
    std::vector<float> result(size_t(num_rows) * rows);
    check(context, aerie_tensor_read(context, result.data(), out, 0, num_rows));
    check(context, aerie_file_close(context, file));
    return result;
}

// rope, kv_store and attention over one sequence of `length` rows, and silu_mul and rms_norm of what comes out.
std::vector<float> run_layer(uint32_t context, uint32_t length, uint32_t head_dim, int32_t dtype,
                             const std::vector<float>& qkv_values, const std::vector<float>& frequencies) {
    const uint32_t heads = 6, kv_heads = 2, page_size = 16, num_pages = (length + 15) / 16;
    std::vector<int32_t> rows(length), visible(length), pages(num_pages), starts = {0, int32_t(length)}, none = {0};
    std::vector<uint64_t> masks(length);
    for (uint32_t i = 0; i < length; ++i) rows[i] = int32_t(i), visible[i] = int32_t(i + 1);
    for (uint32_t i = 0; i < num_pages; ++i) pages[i] = int32_t(i);
    uint32_t batch, kv, qkv, angles, inv_freq, attended, gated, normed, ones;
    check(context, aerie_batch_create(context, &batch, length, 1, num_pages, 1));
    check(context, aerie_batch_write(context, batch, rows.data(), rows.data(), rows.data(), visible.data(),
                                     masks.data(), starts.data(), pages.data(), none.data(), length, 1, num_pages, 1));
    check(context, aerie_kv_create(context, &kv, 1, num_pages, page_size, kv_heads, head_dim, dtype));
    check(context, aerie_batch_tensor(context, &qkv, batch, AERIE_ROWS, (heads + 2 * kv_heads) * head_dim));
    check(context, aerie_batch_tensor(context, &angles, batch, AERIE_ROWS, head_dim));
    check(context, aerie_batch_tensor(context, &attended, batch, AERIE_ROWS, heads * head_dim));
    check(context, aerie_batch_tensor(context, &gated, batch, AERIE_ROWS, heads * head_dim / 2));
    check(context, aerie_batch_tensor(context, &normed, batch, AERIE_ROWS, heads * head_dim / 2));
    check(context, aerie_tensor_create(context, &inv_freq, 1, head_dim / 2));
    check(context, aerie_tensor_create(context, &ones, 1, heads * head_dim / 2));
    const std::vector<float> one(heads * head_dim / 2, 1.0f);
    check(context, aerie_tensor_write(context, inv_freq, frequencies.data(), 0, 1));
    check(context, aerie_tensor_write(context, ones, one.data(), 0, 1));
    check(context, aerie_tensor_write(context, qkv, qkv_values.data(), 0, length));
    check(context, aerie_rope_angles(context, angles, batch, inv_freq));
    check(context, aerie_rope(context, qkv, angles, heads + kv_heads, head_dim));
    check(context, aerie_kv_store(context, kv, qkv, batch, 0, heads));
    check(context, aerie_attention(context, attended, qkv, kv, batch, 0, heads, 0.3f));
    check(context, aerie_silu_mul(context, gated, attended));
    check(context, aerie_rms_norm(context, normed, gated, ones, 1e-5f));
    std::vector<float> result(size_t(length) * heads * head_dim / 2);
    check(context, aerie_tensor_read(context, result.data(), normed, 0, length));
    return result;
}

int num_cases = 0;
// Normalised mean square error below what the order of float sums explains.
void expect_close(const char* name, uint32_t a, uint32_t b, const std::vector<float>& got,
                  const std::vector<float>& want) {
    double error = 0, power = 1e-30;
    for (size_t i = 0; i < got.size(); ++i) {
        error += double(got[i] - want[i]) * double(got[i] - want[i]);
        power += double(want[i]) * double(want[i]);
    }
    ++num_cases;
    if (error / power < 1e-9) return;
    printf("%s (%u, %u) differs: normalised mean square error %g\n", name, a, b, error / power);
    exit(1);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    uint32_t contexts[2];
    const char* names[2] = {"portable", argv[1]};
    for (int i = 0; i < 2; ++i) {
        setenv("AERIE_CPU_ISA", names[i], 1);
        if (const int32_t status = aerie_context_create(&contexts[i], AERIE_CPU, uint32_t(i + 1))) {
            check(0, status);
        }
    }
    for (const Block& block : kBlocks)
        for (const uint32_t num_rows : {1u, 3u, 8u, 11u}) {
            const uint32_t rows = 50, cols = block.elements == 1 ? 37 : 2 * block.elements;
            const std::string path = random_file(block, size_t(rows) * cols);
            const std::vector<float> input = floats(size_t(num_rows) * cols);
            const auto want = run_linear(contexts[0], block, path, rows, cols, num_rows, input);
            expect_close("linear", uint32_t(block.format), num_rows,
                         run_linear(contexts[1], block, path, rows, cols, num_rows, input), want);
        }
    for (const int32_t dtype : {AERIE_F32, AERIE_BF16})
        for (const uint32_t head_dim : {32u, 64u, 96u})
            for (const uint32_t length : {1u, 5u, 40u, 300u}) {
                const std::vector<float> qkv = floats(size_t(length) * 10 * head_dim),
                                         frequencies = floats(head_dim / 2);
                const auto want = run_layer(contexts[0], length, head_dim, dtype, qkv, frequencies);
                expect_close("layer", head_dim, length,
                             run_layer(contexts[1], length, head_dim, dtype, qkv, frequencies), want);
            }
    for (const uint32_t context : contexts) aerie_context_destroy(context);
    printf("%d cases agree\n", num_cases);
}
