// Products of bf16 weights by AMX tiles (Intel SDM, volume 1, "Programming with Intel AMX"): one instruction multiplies
// 32 inputs of a tile (16 rows) of x with those of a tile of the weight. x is taken apart into two bf16 rows whose sum
// is x to 16 bits, where the hardware's inputs have 8.
#pragma once
#include "cpu/dot/packed_block.h"

#if defined(__AMX_BF16__)
namespace aerie::cpu::AERIE_ISA {

constexpr bool kTiled = true;
constexpr uint32_t kMaxGroup = 16;                       // rows of x per pass: two tiles, as each is two rows
constexpr uint32_t kFullTileRows = 16, kTileBytes = 64;  // every tile is full

// Tile registers; the sums by weight tile and x tile.
constexpr int kTileX[2] = {0, 1}, kTileWeights[2] = {2, 3}, kTileSums[2][2] = {{4, 5}, {6, 7}};

// The thread's tile registers, released at the end: a context switch of a thread with live tiles costs more.
class Tiles {
  public:
    explicit Tiles(bool used) : used_(used) {
        if (!used) return;
        struct alignas(64) {
            uint8_t palette = 1, start_row = 0, reserved[14] = {};
            uint16_t bytes_per_row[16] = {};
            uint8_t rows[16] = {};
        } config;
        static_assert(sizeof config == 64);
        for (int tile = 0; tile < 8; ++tile) config.rows[tile] = kFullTileRows, config.bytes_per_row[tile] = kTileBytes;
        asm volatile("ldtilecfg %0" ::"m"(config));
    }
    ~Tiles() {
        if (used_) asm volatile("tilerelease");
    }
    Tiles(const Tiles&) = delete;
    Tiles& operator=(const Tiles&) = delete;

  private:
    const bool used_;
};

template <int Tile>
AERIE_INLINE void load_tile(const void* from, size_t row_bytes) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(row_bytes), "i"(Tile) : "memory");
}
template <int Tile>
AERIE_INLINE void store_tile(void* to) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(size_t(kTileBytes)), "i"(Tile) : "memory");
}
template <int Sums, int X, int Weights>
AERIE_INLINE void multiply_tiles() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(Sums), "i"(X), "i"(Weights));
}

// out [2, whole_blocks(cols)] = bf16x2 form of x [cols]: x rounded to bf16, and the remainder rounded to bf16 (8 bits
// of mantissa each); zeros behind the last input.
inline void to_bf16x2(uint16_t* out, const float* x, uint32_t cols) {
    const uint32_t stride = whole_blocks(cols);
    for (uint32_t i = 0; i < stride; i += 16) {
        const __m512 value = load_n(x + i, i < cols ? cols - i : 0).v;
        const __m256bh high = _mm512_cvtneps_pbh(value);
        const __m256bh low = _mm512_cvtneps_pbh(_mm512_sub_ps(value, _mm512_cvtpbh_ps(high)));
        memcpy(out + i, &high, sizeof high);
        memcpy(out + stride + i, &low, sizeof low);
    }
}

// out [count, 32] = bf16 panel * `count` rows of bf16x2 x, up to 8 * XTiles, while Tiles are there. Rows behind the
// last are read too, up to a whole tile, and ignored.
template <int XTiles>
AERIE_INLINE void dot_bf16x2_tiles(const uint8_t* panel, uint32_t cols, const uint16_t* x, uint32_t count, float* out,
                                   Prefetch prefetch) {
    constexpr size_t kPairBytes = kPanelRows * 4;
    const uint32_t stride = whole_blocks(cols);
    asm volatile("tilezero %%tmm4\n tilezero %%tmm5\n tilezero %%tmm6\n tilezero %%tmm7" ::);
    for (uint32_t i = 0; i < stride; i += kBlock, panel += kBlock / 2 * kPairBytes, x += kBlock) {
        prefetch.step();
        load_tile<kTileX[0]>(x, stride * 2);
        load_tile<kTileWeights[0]>(panel, kPairBytes);
        multiply_tiles<kTileSums[0][0], kTileX[0], kTileWeights[0]>();
        load_tile<kTileWeights[1]>(panel + kTileBytes, kPairBytes);
        multiply_tiles<kTileSums[1][0], kTileX[0], kTileWeights[1]>();
        if constexpr (XTiles == 2) {
            load_tile<kTileX[1]>(x + kFullTileRows * stride, stride * 2);
            multiply_tiles<kTileSums[0][1], kTileX[1], kTileWeights[0]>();
            multiply_tiles<kTileSums[1][1], kTileX[1], kTileWeights[1]>();
        }
    }
    alignas(64) float sums[2][XTiles * kFullTileRows * kTileRows];  // by weight tile
    constexpr int kTileFloats = kFullTileRows * kTileRows;
    store_tile<kTileSums[0][0]>(sums[0]);
    store_tile<kTileSums[1][0]>(sums[1]);
    if constexpr (XTiles == 2) {
        store_tile<kTileSums[0][1]>(sums[0] + kTileFloats);
        store_tile<kTileSums[1][1]>(sums[1] + kTileFloats);
    }
    for (uint32_t r = 0; r < count; ++r) {
        for (int t = 0; t < 2; ++t) {
            const float* high = sums[t] + 2 * r * kTileRows;
            store(out + r * kPanelRows + t * kTileRows, add(load(high), load(high + kTileRows)));
        }
    }
}

inline void dot_bf16x2(const uint8_t* panel, uint32_t cols, const uint16_t* x, uint32_t count, float* out,
                       Prefetch prefetch) {
    if (count <= 8)
        dot_bf16x2_tiles<1>(panel, cols, x, count, out, prefetch);
    else
        dot_bf16x2_tiles<2>(panel, cols, x, count, out, prefetch);
}

}  // namespace aerie::cpu::AERIE_ISA

#else
namespace aerie::cpu::AERIE_ISA {

// Placeholders where the compiler has no AMX: no weight is tiled there, so none of them is called.
constexpr bool kTiled = false;
constexpr uint32_t kMaxGroup = kGroup;
struct Tiles {
    explicit Tiles(bool) {}
};
inline void to_bf16x2(uint16_t*, const float*, uint32_t) {}
inline void dot_bf16x2(const uint8_t*, uint32_t, const uint16_t*, uint32_t, float*, Prefetch) {}

}  // namespace aerie::cpu::AERIE_ISA
#endif
