// Tensor cores, conversions and the copies that feed them.
#include <cmath>
#include <cstring>
#include <random>

#include "buffers.h"
#include "sim/report.h"
#include "tensor.h"

namespace {

// A tile of tests/kernels/sim/record_mma.py.
struct Tile {
    uint16_t a[16][16], b[16][8];
    float c[16][8], sm_80[16][8], sm_90[16][8];
};

std::vector<Tile> read_tiles(const char* path) {
    FILE* file = fopen(path, "rb");
    EXPECT(file != nullptr);
    std::vector<Tile> tiles;
    for (Tile tile; fread(&tile, sizeof tile, 1, file) == 1;) tiles.push_back(tile);
    fclose(file);
    return tiles;
}

uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

}  // namespace

// The file AERIE_TILES holds tiles of bf16, then as many of f16.
CASE(tiles_equal_the_record) {
    const std::vector<Tile> tiles = read_tiles(getenv("AERIE_TILES"));
    cudaDeviceProp properties;
    OK(cudaGetDeviceProperties(&properties, 0));
    const size_t half = tiles.size() / 2;
    size_t num_equal = 0;
    for (const bool is_f16 : {false, true}) {
        std::vector<uint16_t> a, b;
        std::vector<float> c;
        for (size_t i = 0; i < half; ++i) {
            const Tile& tile = tiles[i + (is_f16 ? half : 0)];
            a.insert(a.end(), &tile.a[0][0], &tile.a[0][0] + 256);
            b.insert(b.end(), &tile.b[0][0], &tile.b[0][0] + 128);
            c.insert(c.end(), &tile.c[0][0], &tile.c[0][0] + 128);
        }
        const Device<uint16_t> device_a(a), device_b(b);
        const Device<float> device_c(c);
        for (const bool through_shared : {false, true}) {
            const Device<float> d(c.size());
            OK(launch_tiles(is_f16, through_shared, int(half), device_a.data, device_b.data, device_c.data, d.data,
                            nullptr));
            const std::vector<float> result = d.read();
            for (size_t i = 0; i < half; ++i) {
                const Tile& tile = tiles[i + (is_f16 ? half : 0)];
                const float* expected = properties.major == 8 ? &tile.sm_80[0][0] : &tile.sm_90[0][0];
                for (size_t j = 0; j < 128; ++j) {
                    const bool is_equal = bits_of(expected[j]) == bits_of(result[i * 128 + j]);
                    num_equal += is_equal;
                    if (is_equal) continue;
                    fprintf(stderr, "%s tile %zu [%zu][%zu]: %a, recorded %a\n", is_f16 ? "f16" : "bf16", i, j / 8,
                            j % 8, double(result[i * 128 + j]), double(expected[j]));
                    exit(1);
                }
            }
        }
    }
    printf("%zu results are equal\n", num_equal);
}

CASE(conversions_round_to_even) {
    struct Conversion {
        float value;
        uint16_t bf16, f16;
    };
    const Conversion conversions[] = {
        {1.0f, 0x3f80, 0x3c00},        {-0.0f, 0x8000, 0x8000},        {1 + 0x1p-8f, 0x3f80, 0x3c04},
        {1 + 0x3p-8f, 0x3f82, 0x3c0c}, {1 + 0x1p-11f, 0x3f80, 0x3c00}, {1 + 0x3p-11f, 0x3f80, 0x3c02},
        {65519.0f, 0x4780, 0x7bff},    {65520.0f, 0x4780, 0x7c00},     {0x1p-24f, 0x3380, 0x0001},
        {0x1p-25f, 0x3300, 0x0000},    {-0x3p-26f, 0xb340, 0x8001},    {0x1.ffp127f, 0x7f80, 0x7c00},
        {INFINITY, 0x7f80, 0x7c00},    {-INFINITY, 0xff80, 0xfc00},    {-NAN, 0x7fff, 0x7fff},
        {0x1p-133f, 0x0001, 0x0000}};
    std::vector<float> values;
    for (const Conversion& each : conversions) values.push_back(each.value);
    const Device<float> x(values), back(values.size());
    const Device<unsigned> out(values.size());
    OK(launch_convert(x.data, out.data, back.data, int(values.size()), nullptr));
    const std::vector<unsigned> bits = out.read();
    const std::vector<float> sums = back.read();
    for (size_t i = 0; i < values.size(); ++i) {
        EXPECT((bits[i] & 0xffff) == conversions[i].bf16);
        EXPECT(bits[i] >> 16 == conversions[i].f16);
    }
    EXPECT(sums[0] == 2 && sums[8] == 0x1p-23f && std::isnan(sums[14]));
}

// A product of matrices: near the sum in double precision, and each row's bits those that it has alone.
CASE(product_does_not_depend_on_other_rows) {
    constexpr int kN = 128, kK = 256, kRows = 8;
    std::mt19937 random(5);
    const auto values = [&](size_t count) {
        std::vector<uint16_t> result(count);
        for (uint16_t& value : result) value = uint16_t((random() % 0x200 + 0x3e00) | (random() % 2) << 15);
        return result;
    };
    const auto number = [](uint16_t bits) {
        const uint32_t wide = uint32_t(bits) << 16;
        float value;
        memcpy(&value, &wide, sizeof value);
        return double(value);
    };
    const std::vector<uint16_t> w = values(kN * kK), x = values(kRows * kK);
    const Device<uint16_t> device_w(w), device_x(x);
    std::vector<float> all;
    for (const int rows : {kRows, 1, 2, 5}) {
        const Device<float> out(size_t(rows) * kN);
        aerie::sim::forget();
        OK(launch_product(device_w.data, device_x.data, out.data, kN, kK, rows, nullptr));
        const std::vector<float> result = out.read();
        if (rows == kRows) all = result;
        EXPECT(memcmp(result.data(), all.data(), result.size() * sizeof(float)) == 0);
        for (const auto& traffic : aerie::sim::traffic()) {
            // Weights are read once, whatever the number of rows.
            if (aerie::sim::is_checked() && traffic.memory == device_w.data)
                EXPECT(traffic.bytes_read == traffic.bytes);
        }
    }
    for (int row = 0; row < kRows; ++row) {
        for (int col = 0; col < kN; ++col) {
            double sum = 0, size = 0;
            for (int k = 0; k < kK; ++k) {
                const double term = number(w[size_t(col * kK + k)]) * number(x[size_t(row * kK + k)]);
                sum += term;
                size += std::fabs(term);
            }
            EXPECT(std::fabs(double(all[size_t(row * kN + col)]) - sum) < 1e-6 * size);
        }
    }
    uint32_t hash = 1;
    for (const float value : all) hash = hash * 31 + bits_of(value);
    printf("bits %x\n", hash);
}
