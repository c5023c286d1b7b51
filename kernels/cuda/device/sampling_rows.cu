// Merges what tiles of a row found, decides its token and reports; and the op that launches all kernels of drawing.
#include "core/philox.h"
#include "cuda/device/math.h"
#include "cuda/device/primitives.h"
#include "cuda/device/sampling.h"
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
    bool draws = false;
};

// Sums of chunks in their order; where in them the draw falls.
__device__ void choose_chunk(const Drawing& on, const DrawRow& row, Choice& choice) {
    const float* sums = on.sums + size_t(blockIdx.x) * on.num_chunks;
    double total = 0;
    for (uint32_t chunk = 0; chunk < on.num_chunks; ++chunk) total += double(sums[chunk]);
    choice.total = total;
    // Else there is no distribution: some logits are not finite.
    choice.draws = row.draws && total >= 1 && total < double(INFINITY);
    if (!choice.draws) return;
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

// Reports the row's token, and what else it asks for.
__device__ void report_row(const Drawing& on, const DrawRow& row, float top, const Choice& choice) {
    const aerie_sampling_row& with = *row.row;
    const uint32_t num_top = on.header->num_top;
    const DrawResults results = results_in(on.header->results, on.header->num_rows, num_top);
    const float logit = row.logits[choice.token];
    const double log_total = row.reports ? log_of(choice.total) : 0.0;
    const auto logprob_of = [&](float of) {
        return float(double(of - top) * double(row.inverse_temperature()) - log_total);
    };
    const float logprob = logprob_of(logit);
    if (threadIdx.x == 0) {
        results.tokens[row.index] = choice.token;
        results.ranks[row.index] = with.flags & AERIE_REPORT_RANK ? 1 : 0;
        results.logprobs[row.index] = with.num_top >= 0 ? logprob : 0.0f;
    }
    const uint64_t* keys = on.row_keys + size_t(blockIdx.x) * on.list;
    for (uint32_t n = threadIdx.x; n < num_top; n += blockDim.x) {
        const uint64_t key = int32_t(n) < with.num_top ? keys[n] : 0;
        results.top_tokens[size_t(row.index) * num_top + n] = key ? int32_t(token_of(key)) : 0;
        results.top_logprobs[size_t(row.index) * num_top + n] = key ? logprob_of(logit_of(key)) : 0.0f;
    }
    // Of another token: that of the drawn one plus the difference of their logits, divided by the temperature.
    const double temperature = with.temperature > 0 ? double(with.temperature) : 1.0;
    for (uint32_t i = threadIdx.x; i < with.num_queries; i += blockDim.x) {
        const float queried = row.logits[on.header->queries[with.first_query + i]];
        results.query_logprobs[with.first_query + i] =
            float(double(logprob) + (double(queried) - double(logit)) / temperature);
    }
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
    if (choice.draws) {
        draw_from_chunk(on, row, top, choice, dynamic_shared<float>());
        __syncthreads();
    }
    report_row(on, row, top, choice);
}

// Scratch memory of a row.
size_t row_bytes(uint32_t vocab, uint32_t list) {
    const size_t tiles = (vocab + kTileTokens - 1) / kTileTokens, chunks = (vocab + kChunkTokens - 1) / kChunkTokens;
    return (tiles + 1) * list * sizeof(uint64_t) + chunks * sizeof(float);
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
    drawing.header = sampler.header();
    drawing.vocab = vocab;
    drawing.num_tiles = (vocab + kTileTokens - 1) / kTileTokens;
    drawing.num_chunks = (vocab + kChunkTokens - 1) / kChunkTokens;
    drawing.list = list;
    // Rows in groups that the scratch memory has room for.
    const uint32_t num_rows = std::min(drawing.rows.most, sampler.max_outputs);
    const auto group = uint32_t(std::min<size_t>(on.scratch_bytes / row_bytes(vocab, list), num_rows));
    drawing.tile_keys = static_cast<uint64_t*>(on.scratch);
    drawing.row_keys = drawing.tile_keys + size_t(group) * drawing.num_tiles * list;
    drawing.sums = reinterpret_cast<float*>(drawing.row_keys + size_t(group) * list);
    for (drawing.first_row = 0; drawing.first_row < num_rows; drawing.first_row += group) {
        drawing.logits = floats(*op.x, on) + size_t(drawing.first_row) * vocab;
        const uint32_t rows = std::min(group, num_rows - drawing.first_row);
        for (const auto kernel : {find_best, sum_chunks, draw_rows, count_larger})
            expect_success(kernel(drawing, rows, on.stream), "sample");
    }
}

}  // namespace aerie::cuda
