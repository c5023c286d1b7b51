// Random tiles on the device's tensor cores, bit for bit against the model of kernels/sim/mma.cpp.
//   mma_tiles COUNT [SAMPLE]   SAMPLE: tiles of tests/kernels/sim/mma_sample.json with recorded results, bf16 then f16
// Prints one object of JSON; exit status 1 where a bit differs.
#include <cuda_runtime.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sim/mma.h"
#include "tensor.h"

using aerie::sim::Half;
using aerie::sim::Rounding;

namespace {

void expect(cudaError_t error) {
    if (error == cudaSuccess) return;
    fprintf(stderr, "mma_tiles: %s\n", cudaGetErrorString(error));
    exit(2);
}

// A tile of tests/kernels/sim/record_mma.py.
struct Tile {
    uint16_t a[16][16], b[16][8];
    float c[16][8], sm_80[16][8], sm_90[16][8];
};

struct Random {
    uint64_t state;
    uint64_t next() {
        uint64_t z = state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    uint32_t below(uint32_t limit) { return uint32_t(next() >> 32) % limit; }
};

constexpr int kFractionBits[] = {7, 10}, kBias[] = {127, 15}, kMostField[] = {254, 30};

// A 16-bit float with an exponent of `low` .. `low + count - 1`, as far as the type has it.
uint16_t number(Random& random, Half type, int low, int count) {
    const int t = int(type), fraction = kFractionBits[t];
    const int field = std::clamp(kBias[t] + low + int(random.below(uint32_t(count))), 0, kMostField[t]);
    return uint16_t(random.below(2) << 15 | uint32_t(field) << fraction | random.below(1u << fraction));
}
float wide(Random& random, int low, int count) {
    const uint32_t field = uint32_t(std::clamp(127 + low + int(random.below(uint32_t(count))), 0, 254));
    return __builtin_bit_cast(float, random.below(2) << 31 | field << 23 | random.below(1 << 23));
}

constexpr int kNumKinds = 7;
constexpr int kKinds[kNumKinds][4] = {
    // lowest exponent and how many: of a and b, of c
    {-2, 4, -2, 4},       // one size
    {-12, 24, -20, 40},   // many sizes
    {-80, 40, -149, 60},  // tiny
    {40, 24, 80, 47},     // huge, with overflow
    {-3, 3, -14, 4},      // half of the products cancel the others
    {-2, 4, -2, 4},       // mostly zeros
    {0, 0, 0, 0},         // any bits: infinities, NaN and subnormal numbers too
};

void fill(Tile& tile, Random& random, Half type, int kind) {
    const int* range = kKinds[kind];
    const bool any = kind == kNumKinds - 1, sparse = kind == kNumKinds - 2;
    const auto draw = [&]() -> uint16_t {
        if (any) return uint16_t(random.next());
        return sparse && random.below(10) < 7 ? 0 : number(random, type, range[0], range[1]);
    };
    for (auto& row : tile.a)
        for (uint16_t& value : row) value = draw();
    for (auto& row : tile.b)
        for (uint16_t& value : row) value = draw();
    if (kind == 4)
        for (int k = 0; k < 8; ++k) {
            for (auto& row : tile.a) row[k + 8] = row[k] ^ 0x8000;
            memcpy(tile.b[k + 8], tile.b[k], sizeof tile.b[k]);
        }
    for (auto& row : tile.c)
        for (float& value : row)
            value = any ? __builtin_bit_cast(float, uint32_t(random.next())) : wide(random, range[2], range[3]);
}

template <class T>
struct Device {
    T* data = nullptr;
    explicit Device(size_t count) { expect(cudaMalloc(reinterpret_cast<void**>(&data), count * sizeof(T))); }
    ~Device() { cudaFree(data); }
};

class Check {
  public:
    explicit Check(Rounding rounding) : rounding_(rounding) {}

    // Runs tiles on the device and compares them with the model, or with what they say themselves.
    void run(const std::vector<Tile>& tiles, Half type, bool is_recorded) {
        const size_t count = tiles.size();
        std::vector<uint16_t> a(count * 256), b(count * 128);
        std::vector<float> c(count * 128), d(count * 128);
        for (size_t i = 0; i < count; ++i) {
            memcpy(&a[i * 256], tiles[i].a, sizeof tiles[i].a);
            memcpy(&b[i * 128], tiles[i].b, sizeof tiles[i].b);
            memcpy(&c[i * 128], tiles[i].c, sizeof tiles[i].c);
        }
        const Device<uint16_t> device_a(a.size()), device_b(b.size());
        const Device<float> device_c(c.size()), device_d(d.size());
        expect(cudaMemcpy(device_a.data, a.data(), a.size() * 2, cudaMemcpyHostToDevice));
        expect(cudaMemcpy(device_b.data, b.data(), b.size() * 2, cudaMemcpyHostToDevice));
        expect(cudaMemcpy(device_c.data, c.data(), c.size() * 4, cudaMemcpyHostToDevice));
        for (const bool through_shared : {false, true}) {
            expect(launch_tiles(type == Half::f16, through_shared, int(count), device_a.data, device_b.data,
                                device_c.data, device_d.data, nullptr));
            expect(cudaMemcpy(d.data(), device_d.data, d.size() * 4, cudaMemcpyDeviceToHost));
            compare(tiles, type, is_recorded, d);
        }
    }

    std::string first;  // the first result that differs
    std::atomic<size_t> num_equal = 0, num_different = 0;

  private:
    void compare(const std::vector<Tile>& tiles, Half type, bool is_recorded, const std::vector<float>& results) {
        const unsigned num_threads = std::max(1u, std::thread::hardware_concurrency());
        std::vector<std::jthread> threads;
        for (unsigned t = 0; t < num_threads; ++t)
            threads.emplace_back([&, t] {
                for (size_t i = t; i < tiles.size(); i += num_threads)
                    compare(tiles[i], type, is_recorded, &results[i * 128]);
            });
    }

    void compare(const Tile& tile, Half type, bool is_recorded, const float* result) {
        float expected[16][8];
        memcpy(expected, tile.c, sizeof expected);
        if (is_recorded)
            memcpy(expected, rounding_ == Rounding::whole ? tile.sm_90 : tile.sm_80, sizeof expected);
        else
            aerie::sim::multiply_add(rounding_, type, tile.a, tile.b, expected);
        size_t equal = 0;
        for (int j = 0; j < 128; ++j) {
            const uint32_t found = __builtin_bit_cast(uint32_t, result[j]);
            const uint32_t wanted = __builtin_bit_cast(uint32_t, expected[j / 8][j % 8]);
            equal += found == wanted;
            if (found == wanted) continue;
            std::lock_guard lock(mutex_);
            if (!first.empty()) continue;
            char text[160];
            snprintf(text, sizeof text, "%s, %s, row %d, column %d: 0x%08x, expected 0x%08x",
                     type == Half::f16 ? "f16" : "bf16", is_recorded ? "of the record" : "of the model", j / 8, j % 8,
                     found, wanted);
            first = text;
        }
        num_equal += equal;
        num_different += 128 - equal;
    }

    const Rounding rounding_;
    std::mutex mutex_;
};

std::vector<Tile> read_tiles(const char* path) {
    FILE* file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "mma_tiles: cannot open %s\n", path);
        exit(2);
    }
    std::vector<Tile> tiles;
    for (Tile tile; fread(&tile, sizeof tile, 1, file) == 1;) tiles.push_back(tile);
    fclose(file);
    return tiles;
}

}  // namespace

int main(int count, char** arguments) {
    const size_t num_tiles = count > 1 ? strtoull(arguments[1], nullptr, 10) : 0;
    cudaDeviceProp properties;
    expect(cudaGetDeviceProperties(&properties, 0));
    Check check(properties.major == 8 ? Rounding::two_halves : Rounding::whole);
    if (count > 2) {
        const std::vector<Tile> sample = read_tiles(arguments[2]);
        const auto middle = sample.begin() + long(sample.size() / 2);
        check.run({sample.begin(), middle}, Half::bf16, true);
        check.run({middle, sample.end()}, Half::f16, true);
    }
    constexpr size_t kAtOnce = 20000;
    Random random{21};
    for (size_t done = 0; done < num_tiles; done += kAtOnce) {
        std::vector<Tile> tiles(std::min(kAtOnce, num_tiles - done));
        const Half type = done / kAtOnce % 2 ? Half::f16 : Half::bf16;
        for (size_t i = 0; i < tiles.size(); ++i) fill(tiles[i], random, type, int(i % kNumKinds));
        check.run(tiles, type, false);
    }
    printf(
        "{\"device\": \"%s\", \"compute_capability\": \"%d.%d\", \"tiles\": %zu, \"results\": %zu, "
        "\"different\": %zu, \"first\": \"%s\"}\n",
        properties.name, properties.major, properties.minor, num_tiles,
        check.num_equal.load() + check.num_different.load(), check.num_different.load(), check.first.c_str());
    return check.num_different ? 1 : 0;
}
