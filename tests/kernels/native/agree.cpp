// Runs the same random cases on two instruction sets and compares: the portable kernels, which the TypeScript tests
// hold against a float64 reference, judge those that only another machine (or qemu) can run.
//   agree ISA   compares ISA ("best": what this CPU has) on three threads with "portable" on one; prints
//               "N cases agree" or the first that does not, exit status 1
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
uint32_t between(uint32_t least, uint32_t most) { return least + next() % (most - least + 1); }
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
    uint32_t elements, bytes, num_halves, halves_at = 0;  // f16 fields and where they lie
};
constexpr Block kBlocks[] = {
    {AERIE_FORMAT_F32, 1, 4, 0},      {AERIE_FORMAT_F16, 1, 2, 1},     {AERIE_FORMAT_BF16, 1, 2, 0},
    {AERIE_FORMAT_Q4_0, 32, 18, 1},   {AERIE_FORMAT_Q4_1, 32, 20, 2},  {AERIE_FORMAT_Q5_0, 32, 22, 1},
    {AERIE_FORMAT_Q5_1, 32, 24, 2},   {AERIE_FORMAT_Q8_0, 32, 34, 1},  {AERIE_FORMAT_Q4_K, 256, 144, 2},
    {AERIE_FORMAT_Q5_K, 256, 176, 2}, {AERIE_FORMAT_Q6_K, 256, 210, 1, 208},
    {AERIE_FORMAT_Q2_K, 256, 84, 2, 80}, {AERIE_FORMAT_Q3_K, 256, 110, 1, 108}, {AERIE_FORMAT_IQ4_NL, 32, 18, 1},
    {AERIE_FORMAT_IQ4_XS, 256, 136, 1}, {AERIE_FORMAT_MXFP4, 32, 17, 0}};

// A file of `count` elements with numbers of sane size.
std::string random_file(const Block& block, size_t count) {
    std::vector<uint8_t> bytes(count / block.elements * block.bytes);
    for (uint8_t& byte : bytes) byte = uint8_t(next());
    for (size_t at = 0; at < bytes.size(); at += block.bytes) {
        for (uint32_t i = 0; i < block.num_halves; ++i) {
            const uint16_t half = uint16_t(0x2000 | (next() & 0x83ff));  // 2^-7 to 2^-6, either sign
            memcpy(&bytes[at + block.halves_at + 2 * i], &half, 2);
        }
        if (block.format == AERIE_FORMAT_MXFP4) bytes[at] = uint8_t(118 + next() % 8);
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
    check(context, aerie_tensor_create(context, &x, num_rows, cols, AERIE_F32));
    check(context, aerie_tensor_create(context, &out, num_rows, rows, AERIE_F32));
    check(context, aerie_tensor_write(context, x, input.data(), 0, num_rows));
    check(context, aerie_linear(context, out, x, weight, 0));
    std::vector<float> result(size_t(num_rows) * rows);
    check(context, aerie_tensor_read(context, result.data(), out, 0, num_rows));
    check(context, aerie_file_close(context, file));
    check(context, aerie_weight_release(context, weight));
    for (const uint32_t tensor : {x, out}) check(context, aerie_tensor_release(context, tensor));
    return result;
}

// A sequence in one forward: its last `num_nodes` rows are a draft tree, the others a straight line.
struct Sequence {
    uint32_t length, num_nodes, heads, kv_heads, head_dim, page_size;
    int32_t dtype;
    std::vector<int32_t> parents;  // of nodes; -1 follows the line
    uint32_t window;               // of attention, 0: none
    float soft_cap;
};

Sequence random_sequence() {
    Sequence s{between(1, 330), 0, 0, between(1, 3), 16 * between(1, 6), 16 * between(1, 4),
               int32_t(next() % 3), {}, next() % 2 ? between(1, 300) : 0, next() % 2 ? 2.0f : 0.0f};  // AERIE_F32, AERIE_F16 or AERIE_BF16
    s.heads = s.kv_heads * between(1, 5);
    s.num_nodes = next() % 3 ? between(0, s.length < 64 ? s.length : 64) : 0;
    for (uint32_t i = 0; i < s.num_nodes; ++i) s.parents.push_back(int32_t(i) - 1 - int32_t(next() % (i < 5 ? i + 1 : 5)));
    return s;
}

// rope, kv_store and attention over the rows of a sequence, and silu_mul and rms_norm of what comes out.
std::vector<float> run_layer(uint32_t context, const Sequence& s, const std::vector<float>& qkv_values,
                             const std::vector<float>& frequencies) {
    const uint32_t length = s.length, line = length - s.num_nodes, cols = s.heads * s.head_dim,
                   num_pages = (length + s.page_size - 1) / s.page_size;
    std::vector<int32_t> rows(length), visible(length), pages(num_pages), starts = {0, int32_t(length)}, none = {0};
    std::vector<uint64_t> masks(length);
    for (uint32_t i = 0; i < length; ++i) {
        rows[i] = int32_t(i), visible[i] = int32_t(i < line ? i + 1 : line);
        if (i < line) continue;
        const int32_t parent = s.parents[i - line];
        masks[i] = uint64_t(1) << (i - line) | (parent < 0 ? 0 : masks[line + uint32_t(parent)]);
    }
    for (uint32_t i = 0; i < num_pages; ++i) pages[i] = int32_t(i);
    uint32_t batch, kv, qkv, angles, inv_freq, attended, gated, normed, ones;
    check(context, aerie_batch_create(context, &batch, length, 1, num_pages, 1));
    check(context, aerie_batch_write(context, batch, rows.data(), rows.data(), rows.data(), visible.data(),
                                     masks.data(), starts.data(), pages.data(), none.data(), nullptr, length, 1, num_pages, 1));
    check(context, aerie_kv_create(context, &kv, 1, num_pages, s.page_size, s.kv_heads, s.head_dim, s.dtype));
    check(context, aerie_batch_tensor(context, &qkv, batch, AERIE_ROWS, cols + 2 * s.kv_heads * s.head_dim, AERIE_F32));
    check(context, aerie_batch_tensor(context, &angles, batch, AERIE_ROWS, s.head_dim, AERIE_F32));
    check(context, aerie_batch_tensor(context, &attended, batch, AERIE_ROWS, cols, AERIE_F32));
    check(context, aerie_batch_tensor(context, &gated, batch, AERIE_ROWS, cols / 2, AERIE_F32));
    check(context, aerie_batch_tensor(context, &normed, batch, AERIE_ROWS, cols / 2, AERIE_F32));
    check(context, aerie_tensor_create(context, &inv_freq, 1, s.head_dim / 2, AERIE_F32));
    check(context, aerie_tensor_create(context, &ones, 1, cols / 2, AERIE_F32));
    const std::vector<float> one(cols / 2, 1.0f);
    check(context, aerie_tensor_write(context, inv_freq, frequencies.data(), 0, 1));
    check(context, aerie_tensor_write(context, ones, one.data(), 0, 1));
    check(context, aerie_tensor_write(context, qkv, qkv_values.data(), 0, length));
    check(context, aerie_rope_angles(context, angles, batch, inv_freq, 1.0f));
    check(context, aerie_rope(context, qkv, angles, s.heads + s.kv_heads, s.head_dim));
    check(context, aerie_kv_store(context, kv, qkv, batch, 0, s.heads));
    check(context, aerie_attention(context, attended, qkv, kv, batch, 0, s.heads, 0.3f, s.soft_cap, s.window));
    check(context, aerie_silu_mul(context, gated, attended));
    check(context, aerie_rms_norm(context, normed, gated, ones, 1e-5f));
    std::vector<float> result(size_t(length) * cols / 2);
    check(context, aerie_tensor_read(context, result.data(), normed, 0, length));
    for (const uint32_t tensor : {qkv, angles, inv_freq, attended, gated, normed, ones})
        check(context, aerie_tensor_release(context, tensor));
    check(context, aerie_kv_release(context, kv));
    check(context, aerie_batch_release(context, batch));
    return result;
}

constexpr int kRandomCases = 8;  // of each kind
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
        if (strcmp(names[i], "best")) {
            setenv("AERIE_CPU_ISA", names[i], 1);
        } else {
            unsetenv("AERIE_CPU_ISA");
        }
        if (const int32_t status = aerie_context_create(&contexts[i], AERIE_CPU, 0, i ? 3 : 1)) check(0, status);
    }
    for (const Block& block : kBlocks)
        for (int i = 0; i < kRandomCases; ++i) {
            const uint32_t num_rows = between(1, 64), rows = between(1, 150),
                           cols = block.elements == 1 ? between(1, 140) : block.elements * between(1, 4);
            const std::string path = random_file(block, size_t(rows) * cols);
            const std::vector<float> input = floats(size_t(num_rows) * cols);
            const auto want = run_linear(contexts[0], block, path, rows, cols, num_rows, input);
            expect_close("linear", uint32_t(block.format), num_rows,
                         run_linear(contexts[1], block, path, rows, cols, num_rows, input), want);
        }
    for (int i = 0; i < 3 * kRandomCases; ++i) {
        const Sequence s = random_sequence();
        const std::vector<float> qkv = floats(size_t(s.length) * (s.heads + 2 * s.kv_heads) * s.head_dim),
                                 frequencies = floats(s.head_dim / 2);
        const auto want = run_layer(contexts[0], s, qkv, frequencies);
        expect_close("layer", s.head_dim, s.length, run_layer(contexts[1], s, qkv, frequencies), want);
    }
    for (const uint32_t context : contexts) aerie_context_destroy(context);
    printf("%d cases agree\n", num_cases);
}
