#include "rates_session.h"

#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace rates {
namespace {

[[noreturn]] void give_up(const std::string& text) {
    fprintf(stderr, "rates: %s\n", text.c_str());
    exit(2);
}

// Blocks of a format, and the f16 fields of one: how many, and where the first is.
struct Block {
    uint32_t elements, bytes, num_halves, halves_at;
};
Block block_of(int32_t format) {
    switch (format) {
        case AERIE_FORMAT_BF16:
            return {1, 2, 0, 0};
        case AERIE_FORMAT_Q4_0:
            return {32, 18, 1, 0};
        case AERIE_FORMAT_Q8_0:
            return {32, 34, 1, 0};
        case AERIE_FORMAT_Q4_K:
            return {256, 144, 2, 0};
        case AERIE_FORMAT_Q6_K:
            return {256, 210, 1, 208};
        default:
            give_up("no random weights of format " + std::to_string(format));
    }
}

}  // namespace

Api::Api(const std::string& path) {
    void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) give_up(dlerror());
    const auto find = [&](const char* name) {
        void* const found = dlsym(handle, name);
        if (!found) give_up(path + " has no " + name);
        return found;
    };
#define AERIE_ENTRY(name) name = reinterpret_cast<decltype(name)>(find("aerie_" #name));
    AERIE_ENTRIES(AERIE_ENTRY)
    AERIE_ENTRY(context_error)
    AERIE_ENTRY(context_describe)
#undef AERIE_ENTRY
}

Session::Session(const std::string& path, int32_t device, uint32_t num_threads) : api(path) {
    check(api.context_create(&context, device, 0, num_threads));
}

void Session::check(int32_t status) const {
    if (!status) return;
    char text[512] = "";
    api.context_error(context, text, sizeof text);
    give_up(text);
}

std::string Session::describe() const {
    char text[256] = "";
    check(api.context_describe(context, text, sizeof text));
    return text;
}

// splitmix64
uint64_t Session::next() {
    uint64_t z = random_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

uint32_t Session::weight(uint32_t rows, uint32_t cols, int32_t format, int32_t dtype) {
    const Block block = block_of(format);
    std::vector<uint8_t> bytes(uint64_t(rows) * cols / block.elements * block.bytes);
    for (size_t at = 0; at < bytes.size(); at += 8) {
        uint64_t value = next();
        // bf16 of either sign from 2^-7 to 2^-5.
        if (format == AERIE_FORMAT_BF16) value = (value & 0x80ff80ff80ff80ff) | 0x3c003c003c003c00;
        memcpy(&bytes[at], &value, std::min<size_t>(8, bytes.size() - at));
    }
    for (size_t at = 0; block.num_halves && at < bytes.size(); at += block.bytes)
        for (uint32_t i = 0; i < block.num_halves; ++i) {
            const uint16_t half = uint16_t(0x2000 | (next() & 0x83ff));  // f16 from 2^-7 to 2^-6
            memcpy(&bytes[at + block.halves_at + 2 * i], &half, 2);
        }
    uint32_t file, made;
    check(api.file_create(context, &file, bytes.data(), bytes.size()));
    check(api.weight_create(context, &made, rows, cols));
    check(api.weight_append(context, made, file, 0, 0, format, rows, 0));
    check(api.weight_pack(context, made, dtype));
    check(api.file_close(context, file));
    return made;
}

double Session::weight_bytes(uint32_t weight) const {
    double bytes = 0;
    check(api.weight_bytes(context, &bytes, weight));
    return bytes;
}

uint32_t Session::vector(uint32_t cols) {
    std::vector<float> values(cols);
    for (float& value : values) value = 0.5f + float(next() >> 40) * 0x1p-24f;
    uint32_t made;
    check(api.tensor_create(context, &made, 1, cols, AERIE_F32));
    check(api.tensor_write(context, made, values.data(), 0, 1));
    return made;
}

uint32_t Session::batch(uint32_t max_rows, uint32_t max_pages) {
    uint32_t made;
    check(api.batch_create(context, &made, max_rows, max_rows, max_pages, max_rows));
    return made;
}

uint32_t Session::tensor(uint32_t batch, uint32_t cols, int32_t scope) {
    uint32_t made;
    check(api.batch_tensor(context, &made, batch, scope, cols, AERIE_F32));
    return made;
}

uint32_t Session::kv(const Shape& shape, uint32_t num_layers, uint32_t num_pages) {
    uint32_t made;
    check(api.kv_create(context, &made, num_layers, num_pages, kPageSize, shape.num_kv_heads, shape.head_dim,
                        AERIE_BF16));
    return made;
}

void Session::fill(uint32_t kv, const Shape& shape, uint32_t num_layers, uint32_t num_slots) {
    const uint32_t at_once = std::min(num_slots, 1024u), cols = shape.qkv_cols();
    std::vector<float> values(size_t(at_once) * cols);
    for (float& value : values) value = float(int64_t(next()) >> 40) * 0x1p-23f;
    const uint32_t rows = batch(at_once, 1), qkv = tensor(rows, cols);
    std::vector<int32_t> zeros(at_once + 1), ones(at_once, 1), slots(at_once);
    const std::vector<uint64_t> masks(at_once);
    for (uint32_t first = 0; first < num_slots; first += at_once) {
        const uint32_t count = std::min(at_once, num_slots - first);
        const int32_t starts[] = {0, int32_t(count)};
        for (uint32_t i = 0; i < count; ++i) slots[i] = int32_t(first + i);
        check(api.batch_write(context, rows, zeros.data(), zeros.data(), slots.data(), ones.data(), masks.data(),
                              starts, zeros.data(), nullptr, nullptr, count, 1, 1, 0));
        check(api.tensor_write(context, qkv, values.data(), 0, count));
        for (uint32_t layer = 0; layer < num_layers; ++layer)
            check(api.kv_store(context, kv, qkv, rows, layer, shape.num_heads));
    }
    check(api.tensor_release(context, qkv));
    check(api.batch_release(context, rows));
}

void Session::write_rows(uint32_t batch, uint32_t num_rows, uint32_t length) {
    const uint32_t pages = pages_of(length);
    std::vector<int32_t> tokens(num_rows), positions(num_rows, int32_t(length) - 1), slots(num_rows),
        visible(num_rows, int32_t(length)), starts(num_rows + 1), table(size_t(num_rows) * pages), outputs(num_rows);
    const std::vector<uint64_t> masks(num_rows);
    for (uint32_t r = 0; r < num_rows; ++r) {
        tokens[r] = int32_t(r * 7 % 500);
        slots[r] = int32_t(r * pages * kPageSize + length - 1);
        starts[r + 1] = outputs[r] = int32_t(r);
        starts[r + 1] += 1;
        for (uint32_t p = 0; p < pages; ++p) table[size_t(r) * pages + p] = int32_t(r * pages + p);
    }
    check(api.batch_write(context, batch, tokens.data(), positions.data(), slots.data(), visible.data(), masks.data(),
                          starts.data(), table.data(), outputs.data(), nullptr, num_rows, num_rows, pages, num_rows));
}

uint32_t Session::record(const std::function<void()>& body) {
    uint32_t graph;
    check(api.graph_begin(context));
    body();
    check(api.graph_end(context, &graph));
    return graph;
}

void Session::launch(uint32_t graph) {
    uint32_t ticket;
    check(api.graph_launch(context, &ticket, graph));
    check(api.wait(context, ticket));
}

double Session::median_seconds(int count, const std::function<void()>& body) {
    std::vector<double> seconds;
    for (int run = -1; run < count; ++run) {
        const auto begin = std::chrono::steady_clock::now();
        body();
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
        if (run >= 0) seconds.push_back(taken.count());
    }
    const auto middle = seconds.begin() + long(seconds.size() / 2);
    std::nth_element(seconds.begin(), middle, seconds.end());
    return *middle;
}

}  // namespace rates
