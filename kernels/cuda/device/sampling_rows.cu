// Merges what tiles of a row found, decides its token and reports; and the op that launches all kernels of drawing.
#include "core/philox.h"
#include "cuda/device/primitives.h"
#include "cuda/device/sampling_report.h"
#include "cuda/launch.h"
#include "cuda/sampler.h"
#include "cuda/sampling.h"

namespace aerie::cuda {
namespace {

constexpr size_t kMostScratchBytes = size_t(64) << 20;

// The best key of a tile's list that is below `last`; 0 if there is none.
__device__ uint64_t next_key(const uint64_t* keys, uint32_t count, uint64_t last) {
    uint32_t low = 0, high = count;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (keys[middle] < last)
            high = middle;
        else
            low = middle + 1;
    }
    return low < count ? keys[low] : 0;
}

// The row's best keys in order, of its tiles'.
__device__ void merge_tiles(const Drawing& on, const DrawRow& row, uint64_t (*warps)[kMostDrawThreads / 32]) {
    const uint64_t* tiles = on.tile_keys + size_t(blockIdx.x) * on.num_tiles * on.list;
    uint64_t* keys = on.row_keys + size_t(blockIdx.x) * on.list;
    uint64_t own = 0, last = ~uint64_t(0);
    const auto find_own = [&] {
        own = 0;
        for (uint32_t tile = threadIdx.x; tile < on.num_tiles; tile += blockDim.x) {
            const uint64_t key = next_key(tiles + size_t(tile) * on.list, row.num_keys(), last);
            if (key > own) own = key;
        }
    };
    find_own();
    for (uint32_t n = 0; n < row.num_keys(); ++n) {
        last = block_largest(own, warps[n % 2]);
        if (threadIdx.x == 0) keys[n] = last;
        if (own == last && last) find_own();
    }
    __syncthreads();
}

// What one thread found, for all.
struct Choice {
    double total = 0, mass = 0;  // mass: left of the uniform share when the chunk begins
    uint32_t chunk = 0;
    int32_t token = 0;
    bool draws = false, filters = false;
};

// Says down to which depth tokens are to be gathered, which covers every one that the row's filters can keep.
__device__ Filtering choose_depth(const Drawing& on, const DrawRow& row, double total) {
    const ChunkDepths* depths = on.depths + size_t(blockIdx.x) * on.num_chunks;
    // Sums of floats in another order than the filters' own: a depth is taken where they pass for certain.
    const double needed = double(row.row->top_p) * total * (1 + 1e-5);
    for (uint32_t depth = 0;; ++depth) {
        uint32_t count = 0;
        double mass = 0;
        for (uint32_t chunk = 0; chunk < on.num_chunks; ++chunk) {
            count += depths[chunk].counts[depth];
            mass += double(depths[chunk].masses[depth]);
        }
        const bool is_last = depth + 1 == kNumDepths || row.cut(depth) == row.row->min_p;
        if (is_last || count >= row.top_k(on.vocab) || mass > needed) return {total, row.cut(depth), 0};
    }
}

// Sums of chunks in their order; where in them the draw falls.
__device__ void choose_chunk(const Drawing& on, const DrawRow& row, Choice& choice) {
    const float* sums = on.sums + size_t(blockIdx.x) * on.num_chunks;
    double total = 0;
    for (uint32_t chunk = 0; chunk < on.num_chunks; ++chunk) total += double(sums[chunk]);
    choice.total = total;
    // Else there is no distribution: some logits are not finite.
    choice.draws = row.draws && total >= 1 && total < double(INFINITY);
    choice.filters = choice.draws && row.filters;
    if (row.filters) on.filterings[blockIdx.x] = choice.filters ? choose_depth(on, row, total) : Filtering{0, 0, 0};
    if (!choice.draws || choice.filters) return;
    const aerie_sampling_row& with = *row.row;
    double mass = philox_uniform(with.seed_low, with.seed_high, uint32_t(with.position)) * total;
    uint32_t chunk = 0;
    for (; chunk < on.num_chunks && mass >= double(sums[chunk]); ++chunk) mass -= double(sums[chunk]);
    choice.chunk = chunk;
    choice.mass = mass;
}

// The token at which the running sum of weights passes the mass. `weights` [kChunkTokens] in shared memory.
__device__ void draw_from_chunk(const Drawing& on, const DrawRow& row, float top, Choice& choice, float* weights) {
    const uint32_t first = choice.chunk * kChunkTokens;
    const float inverse = row.inverse_temperature();
    if (first >= on.vocab) {
        // By rounding, the mass is beyond all chunks: the last token that has any.
        if (threadIdx.x == 0) {
            uint32_t token = on.vocab;
            while (token > 1 && !(weight_of(row.logits[token - 1], top, inverse) > 0)) --token;
            choice.token = int32_t(token - 1);
        }
        return;
    }
    const uint32_t tokens = min(kChunkTokens, on.vocab - first);
    for (uint32_t i = threadIdx.x; i < tokens; i += blockDim.x)
        weights[i] = weight_of(row.logits[first + i], top, inverse);
    __syncthreads();
    if (threadIdx.x != 0) return;
    int32_t token = 0;
    double mass = choice.mass;
    for (uint32_t i = 0; i < tokens && mass >= 0; ++i) {
        if (weights[i] > 0) token = int32_t(first + i);
        mass -= double(weights[i]);
    }
    choice.token = token;
}

__global__ void __launch_bounds__(kMostDrawThreads) draw_each_row(Drawing on) {
    __shared__ uint64_t warps[2][kMostDrawThreads / 32];
    __shared__ Choice choice;
    DrawRow row;
    if (!find_row(on, blockIdx.x, row)) return;
    merge_tiles(on, row, warps);
    const uint64_t best = on.row_keys[size_t(blockIdx.x) * on.list];
    const float top = logit_of(best);
    if (threadIdx.x == 0) {
        choice = Choice();
        choice.token = row.row->target >= 0 ? row.row->target : int32_t(token_of(best));
        if (row.draws || row.reports) choose_chunk(on, row, choice);
    }
    __syncthreads();
    if (choice.filters) return;
    if (choice.draws) {
        draw_from_chunk(on, row, top, choice, dynamic_shared<float>());
        __syncthreads();
    }
    report_row(on, row, choice.total, choice.token);
}

// Scratch memory of a row.
size_t row_bytes(uint32_t vocab, uint32_t list) {
    const size_t tiles = (vocab + kTileTokens - 1) / kTileTokens, chunks = (vocab + kChunkTokens - 1) / kChunkTokens;
    return ((tiles + 1) * list + vocab) * sizeof(uint64_t) + sizeof(Filtering) +
           chunks * (sizeof(ChunkDepths) + sizeof(float));
}

}  // namespace

cudaError_t draw_rows(const Drawing& on, uint32_t num_rows, cudaStream_t stream) {
    const size_t shared = std::min(on.vocab, kChunkTokens) * sizeof(float);
    return launch(draw_each_row, {num_rows, draw_threads(on.vocab), shared}, stream, on);
}

size_t sampling_scratch_bytes(const Op& op) {
    const size_t row = row_bytes(op.sampler->vocab_size, std::max(op.sampler->max_top, 1u));
    return std::max(row, std::min(kMostScratchBytes, row * std::min(op.x->capacity, op.sampler->max_outputs)));
}

void sample(const Op& op, const Launch& on) {
    const auto& sampler = *static_cast<const CudaSampler*>(op.sampler);
    const uint32_t vocab = sampler.vocab_size, list = std::max(sampler.max_top, 1u);
    Drawing drawing;
    drawing.rows = rows_of(op, *op.x, on);
    drawing.own_header = sampler.header();
    drawing.vocab = vocab;
    drawing.num_tiles = (vocab + kTileTokens - 1) / kTileTokens;
    drawing.num_chunks = (vocab + kChunkTokens - 1) / kChunkTokens;
    drawing.list = list;
    // Rows in groups that the scratch memory has room for.
    const uint32_t num_rows = std::min(drawing.rows.most, sampler.max_outputs);
    const auto group = uint32_t(std::min<size_t>(on.scratch_bytes / row_bytes(vocab, list), num_rows));
    drawing.filterings = static_cast<Filtering*>(on.scratch);
    drawing.depths = reinterpret_cast<ChunkDepths*>(drawing.filterings + group);
    drawing.tile_keys = reinterpret_cast<uint64_t*>(drawing.depths + size_t(group) * drawing.num_chunks);
    drawing.row_keys = drawing.tile_keys + size_t(group) * drawing.num_tiles * list;
    drawing.gathered = drawing.row_keys + size_t(group) * list;
    drawing.sums = reinterpret_cast<float*>(drawing.gathered + size_t(group) * vocab);
    for (drawing.first_row = 0; drawing.first_row < num_rows; drawing.first_row += group) {
        drawing.logits = floats(*op.x, on) + size_t(drawing.first_row) * vocab;
        const uint32_t rows = std::min(group, num_rows - drawing.first_row);
        for (const auto kernel : {find_best, sum_chunks, draw_rows, gather_kept, draw_of_kept, count_larger})
            expect_success(kernel(drawing, rows, on.stream), "sample");
    }
}

}  // namespace aerie::cuda
