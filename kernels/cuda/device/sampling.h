// Drawing as its kernels see it. A row's vocabulary is cut into tiles, which blocks take at the same time, and chunks,
// whose sums are of a fixed order; both are the same whatever the grid. Between kernels, what they found lies in
// scratch memory, a place for each row of a group.
//
//   find_best        changes and masks logits; the best tokens of each tile     a block a row and tile
//   sum_chunks       sums of exp by chunk; what filters may keep of it          a block a row and tile
//   draw_rows        merges tiles; decides, but where filters do, and reports   a block a row
//   gather_kept      the tokens that filters may keep                           a block a row and tile
//   draw_of_kept     sorts them, decides and reports                            a block a row
//   count_larger     adds to ranks                                              a block a row and tile
#pragma once
#include <cuda_runtime.h>

#include <cfloat>

#include "cuda/device/op_rows.h"
#include "cuda/device/reduce.h"
#include "cuda/draw_layout.h"

namespace aerie::cuda {

constexpr uint32_t kChunkTokens = 1024;  // summed together, as on the CPU
constexpr uint32_t kTileTokens = 4096;
constexpr uint32_t kMostDrawThreads = 256;
// Depths below the largest weight, 1, down to which tokens are gathered for filters: the first that reaches every token
// that they can keep. The last leaves out tokens of weight 0, which cannot be drawn.
constexpr uint32_t kNumDepths = 3;

// A token as a number: larger where the logit is, or where it is equal and the token lower. NaN is below all others.
// 0 is no token, which comes after all.
__device__ inline uint64_t key_of(float logit, uint32_t token) {
    // -0 becomes 0. Positive floats are in the order of their bits, negative ones in the reverse order.
    const uint32_t bits = __float_as_uint(logit + 0.0f);
    const uint32_t order = logit != logit ? 0 : bits >> 31 ? ~bits : bits | 0x80000000u;
    return uint64_t(order) << 32 | (0xffffffffu - token);
}
__device__ inline float logit_of(uint64_t key) {
    const auto order = uint32_t(key >> 32);
    return __uint_as_float(order >> 31 ? order & 0x7fffffffu : ~order);
}
__device__ inline uint32_t token_of(uint64_t key) { return 0xffffffffu - uint32_t(key); }

// The largest of all lanes, in every lane.
__device__ inline uint64_t warp_largest(uint64_t key) {
    const unsigned high = __reduce_max_sync(kAllLanes, unsigned(key >> 32));
    const unsigned low = __reduce_max_sync(kAllLanes, high == unsigned(key >> 32) ? unsigned(key) : 0u);
    return uint64_t(high) << 32 | low;
}
// The largest of a block's threads, in every thread. `warps` [blockDim.x / 32] in shared memory may be used again only
// behind a further barrier.
__device__ inline uint64_t block_largest(uint64_t key, uint64_t* warps) {
    const uint64_t largest = warp_largest(key);
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = largest;
    __syncthreads();
    uint64_t all = warps[0];
    for (uint32_t warp = 1; warp < blockDim.x / 32; ++warp) all = warps[warp] > all ? warps[warp] : all;
    return all;
}

// exp((logit - top) / temperature), in the operations of the CPU's exp (cpu/simd/simd.h), so that draws are the same;
// 0 where the exponent is below -87, exp(-87) where it is NaN.
__device__ inline float weight_of(float logit, float top, float inverse_temperature) {
    const float x = (logit - top) * inverse_temperature;
    if (x < -87.0f) return 0.0f;
    const float from = x > -87.0f ? x : -87.0f;
    const float whole = rintf(from * 1.44269504f);
    float f = fmaf(whole, -0.693359375f, from);
    f = fmaf(whole, 2.12194440e-4f, f);
    float p = 1.9875691500e-4f;
    p = fmaf(p, f, 1.3981999507e-3f);
    p = fmaf(p, f, 8.3334519073e-3f);
    p = fmaf(p, f, 4.1665795894e-2f);
    p = fmaf(p, f, 1.6666665459e-1f);
    p = fmaf(p, f, 5.0000001201e-1f);
    p = fmaf(p * f, f, f + 1.0f);
    return p * __uint_as_float(uint32_t(int(whole) + 127) << 23);
}

// Tokens of a chunk down to each depth.
struct __align__(16) ChunkDepths {
    uint32_t counts[kNumDepths];
    float masses[kNumDepths];
};

// What draw_rows leaves for a row whose filters decide.
struct __align__(16) Filtering {
    double total;       // of the weights; 0: nothing is left to decide
    float cut;          // tokens of at least this weight are gathered
    uint32_t gathered;  // so far
};

// An op on the rows of a group.
struct Drawing {
    float* logits;  // of the group's first row
    OpRows rows;
    const DrawHeader* own_header;
    uint32_t first_row = 0,
             first_gathered = 0;  // first_gathered: in the group, of the rows that tokens are gathered of
    uint32_t vocab, num_tiles, num_chunks;
    uint32_t list;  // keys of a tile that there is room for
    // Scratch memory: best keys of tiles [rows, num_tiles, list] and of rows [rows, list], gathered tokens of some rows
    // [rows, vocab], and of chunks [rows, num_chunks].
    uint64_t *tile_keys, *row_keys, *gathered;
    Filtering* filterings;
    ChunkDepths* depths;
    float* sums;

    // What the draw is told, where it was written last.
    __device__ const DrawHeader* header() const {
        if (!rows.block) return own_header;
        const uint32_t at = reinterpret_cast<const BatchCounts*>(rows.block)->appended;
        if (!at) return own_header;
        const auto* appended = reinterpret_cast<const DrawHeader*>(rows.block + at);
        return appended->own == own_header && appended->version > own_header->version ? appended : own_header;
    }
    __device__ uint32_t tokens_of_tile(uint32_t tile) const { return min(kTileTokens, vocab - tile * kTileTokens); }
};

struct DrawRow {
    const DrawHeader* header;
    const aerie_sampling_row* row;
    float* logits;
    uint32_t at, index;    // of the row in the group and in the draw
    const uint32_t* mask;  // null: every token may be drawn
    bool reports, draws, filters;

    __device__ bool allows(uint32_t token) const { return !mask || mask[token / 32] >> token % 32 & 1; }
    // The least weight down to a depth.
    __device__ float cut(uint32_t depth) const {
        const float least = depth == 0 ? 1e-3f : depth == 1 ? 1e-6f : FLT_MIN;
        return row->min_p > least ? row->min_p : least;
    }
    __device__ uint32_t top_k(uint32_t vocab) const { return row->top_k ? uint32_t(row->top_k) : vocab; }
    __device__ float inverse_temperature() const { return row->temperature > 0 ? 1.0f / row->temperature : 1.0f; }
    __device__ uint32_t num_keys() const { return row->num_top > 1 ? uint32_t(row->num_top) : 1; }
};

// Row `at` of the group; false if nothing is drawn from it.
__device__ inline bool find_row(const Drawing& on, uint32_t at, DrawRow& found) {
    const uint32_t row = on.first_row + at;
    found.at = at;
    found.header = on.header();
    found.index = on.rows.first_output + row;
    if (row >= on.rows.count() || found.index >= found.header->num_rows) return false;
    found.row = found.header->rows + found.index;
    found.logits = on.logits + size_t(at) * on.vocab;
    const bool is_masked = found.row->mask >= 0 && found.row->target < 0;
    found.mask = is_masked ? found.header->masks + size_t(found.row->mask) * ((on.vocab + 31) / 32) : nullptr;
    found.reports = found.row->num_top >= 0 || found.row->num_queries > 0;
    found.draws = found.row->temperature > 0 && found.row->target < 0;
    found.filters = found.draws && (found.top_k(on.vocab) < on.vocab || found.row->top_p < 1 || found.row->min_p > 0);
    return true;
}

// The largest key of a row, in every thread of the block. `warps` as in block_largest.
__device__ inline uint64_t largest_key(const Drawing& on, uint32_t at, uint64_t* warps) {
    uint64_t own = 0;
    const uint64_t* keys = on.tile_keys + size_t(at) * on.num_tiles * on.list;
    for (uint32_t tile = threadIdx.x; tile < on.num_tiles; tile += blockDim.x)
        own = keys[size_t(tile) * on.list] > own ? keys[size_t(tile) * on.list] : own;
    return block_largest(own, warps);
}

// Threads of a block that takes `tokens` of a row: 16 tokens a thread, as far as a block has threads.
inline uint32_t draw_threads(uint32_t tokens) { return std::clamp((tokens + 511) / 512 * 32, 32u, kMostDrawThreads); }

// Kernels of a group of `num_rows` rows.
cudaError_t find_best(const Drawing& on, uint32_t num_rows, cudaStream_t stream);
cudaError_t sum_chunks(const Drawing& on, uint32_t num_rows, cudaStream_t stream);
cudaError_t draw_rows(const Drawing& on, uint32_t num_rows, cudaStream_t stream);
cudaError_t gather_kept(const Drawing& on, uint32_t num_rows, cudaStream_t stream);
cudaError_t draw_of_kept(const Drawing& on, uint32_t num_rows, cudaStream_t stream);
cudaError_t count_larger(const Drawing& on, uint32_t num_rows, cudaStream_t stream);

}  // namespace aerie::cuda
