// The kernels of drawing that take tiles of the vocabulary at the same time.
#include "cuda/device/primitives.h"
#include "cuda/device/sampling.h"
#include "cuda/launch.h"

namespace aerie::cuda {
namespace {

constexpr uint32_t kLanes = 16;  // that sum a chunk, as on the CPU
constexpr uint32_t kSumThreads = kTileTokens / kChunkTokens * kLanes;
constexpr uint32_t kNobody = 0xffffffff;

// Applies a row's changes to the logits of a tile that begins at token `first`, here and in `tile`, save of those that
// may not be drawn. Those of one token
// are applied in their order: a thread that finds it taken by an earlier one waits for the next round. `tile`
// and `owners` [tokens] are in shared memory.
__device__ void change_tile(const DrawRow& row, const aerie_logit_change* changes, uint32_t first, uint32_t tokens,
                            float* tile, uint32_t* owners) {
    const aerie_sampling_row& with = *row.row;
    for (uint32_t i = threadIdx.x; i < tokens; i += blockDim.x) owners[i] = kNobody;
    for (uint32_t base = 0; base < with.num_changes; base += blockDim.x) {
        const uint32_t i = base + threadIdx.x;
        const aerie_logit_change& change = changes[with.first_change + (i < with.num_changes ? i : 0)];
        const uint32_t at = uint32_t(change.token) - first;
        bool waits = i < with.num_changes && at < tokens && row.allows(first + at);
        while (__syncthreads_or(waits)) {
            if (waits) atomicMin(&owners[at], threadIdx.x);
            __syncthreads();
            const bool is_next = waits && owners[at] == threadIdx.x;
            __syncthreads();
            if (!is_next) continue;
            float logit = tile[at];
            if (change.seen) logit = logit > 0 ? logit / with.repetition : logit * with.repetition;
            logit -= with.frequency * float(change.count) + (change.count > 0 ? with.presence : 0.0f);
            logit += change.bias;
            tile[at] = row.logits[change.token] = logit;
            owners[at] = kNobody;
            waits = false;
        }
    }
    __syncthreads();
}

__global__ void __launch_bounds__(kMostDrawThreads) find_best_of_tiles(Drawing on) {
    __shared__ uint64_t warps[2][kMostDrawThreads / 32];
    float* const tile = dynamic_shared<float>();
    DrawRow row;
    if (!find_row(on, blockIdx.x, row)) return;
    const uint32_t first = blockIdx.y * kTileTokens, tokens = on.tokens_of_tile(blockIdx.y);
    for (uint32_t i = threadIdx.x; i < tokens; i += blockDim.x)
        if (row.allows(first + i)) tile[i] = row.logits[first + i];
    __syncthreads();
    if (row.row->num_changes)
        change_tile(row, row.header->changes, first, tokens, tile, reinterpret_cast<uint32_t*>(tile + tokens));
    for (uint32_t i = threadIdx.x; i < tokens && row.mask; i += blockDim.x)
        if (!row.allows(first + i)) row.logits[first + i] = -INFINITY;

    // The thread's best token that is worse than the last one taken.
    uint64_t own = 0, last = ~uint64_t(0);
    const auto find_own = [&] {
        own = 0;
        for (uint32_t i = threadIdx.x; i < tokens; i += blockDim.x) {
            if (!row.allows(first + i)) continue;
            const uint64_t key = key_of(tile[i], first + i);
            if (key < last && key > own) own = key;
        }
    };
    find_own();
    uint64_t* keys = on.tile_keys + (size_t(row.at) * on.num_tiles + blockIdx.y) * on.list;
    for (uint32_t n = 0; n < row.num_keys(); ++n) {
        last = block_largest(own, warps[n % 2]);
        if (threadIdx.x == 0) keys[n] = last;
        if (own == last && last) find_own();
    }
}

// Of the kLanes lanes of a chunk, 8, 4, 2 and 1 apart, as on the CPU.
template <class T>
__device__ T sum_of_lanes(T value) {
    for (int distance = kLanes / 2; distance; distance /= 2) value += __shfl_xor_sync(kAllLanes, value, distance);
    return value;
}

__global__ void __launch_bounds__(kSumThreads) sum_chunks_of_tiles(Drawing on) {
    __shared__ uint64_t warps[kSumThreads / 32];
    DrawRow row;
    if (!find_row(on, blockIdx.x, row) || !(row.draws || row.reports)) return;
    const float top = logit_of(largest_key(on, row.at, warps)), inverse = row.inverse_temperature();
    const uint32_t chunk = blockIdx.y * (kTileTokens / kChunkTokens) + threadIdx.x / kLanes;
    const uint32_t end = min((chunk + 1) * kChunkTokens, on.vocab);
    const bool writes = threadIdx.x % kLanes == 0 && chunk < on.num_chunks;
    float sum = 0.0f;
    ChunkDepths depths = {};
    for (uint32_t i = chunk * kChunkTokens + threadIdx.x % kLanes; i < end; i += kLanes) {
        if (!row.allows(i)) continue;
        const float weight = weight_of(row.logits[i], top, inverse);
        sum += weight;
        for (uint32_t depth = 0; depth < kNumDepths && row.filters; ++depth)
            if (weight >= row.cut(depth)) {
                ++depths.counts[depth];
                depths.masses[depth] += weight;
            }
    }
    sum = sum_of_lanes(sum);
    if (writes) on.sums[size_t(row.at) * on.num_chunks + chunk] = sum;
    if (!row.filters) return;
    for (uint32_t depth = 0; depth < kNumDepths; ++depth) {
        depths.counts[depth] = sum_of_lanes(depths.counts[depth]);
        depths.masses[depth] = sum_of_lanes(depths.masses[depth]);
    }
    if (writes) on.depths[size_t(row.at) * on.num_chunks + chunk] = depths;
}

__global__ void __launch_bounds__(kMostDrawThreads) count_larger_in_tiles(Drawing on) {
    DrawRow row;
    if (!find_row(on, blockIdx.x, row) || !(row.row->flags & AERIE_REPORT_RANK)) return;
    const DrawResults results = results_in(row.header->results, row.header->num_rows, row.header->num_top);
    const uint32_t first = blockIdx.y * kTileTokens, tokens = on.tokens_of_tile(blockIdx.y);
    const int32_t token = results.tokens[row.index];
    if (token < 0) return;
    const float own = row.logits[token];
    int count = 0;
    for (uint32_t i = threadIdx.x; i < tokens; i += blockDim.x) count += row.logits[first + i] > own;
    count = __reduce_add_sync(kAllLanes, count);
    if (threadIdx.x % 32 == 0 && count) atomicAdd(&results.ranks[row.index], count);
}

}  // namespace

cudaError_t find_best(const Drawing& on, uint32_t num_rows, cudaStream_t stream) {
    const size_t shared = std::min(on.vocab, kTileTokens) * (sizeof(float) + sizeof(uint32_t));
    return launch(find_best_of_tiles, {dim3(num_rows, on.num_tiles), draw_threads(on.vocab), shared}, stream, on);
}

cudaError_t sum_chunks(const Drawing& on, uint32_t num_rows, cudaStream_t stream) {
    const uint32_t threads = on.vocab <= kTileTokens / 2 ? kSumThreads / 2 : kSumThreads;
    return launch(sum_chunks_of_tiles, {dim3(num_rows, on.num_tiles), threads}, stream, on);
}

cudaError_t count_larger(const Drawing& on, uint32_t num_rows, cudaStream_t stream) {
    return launch(count_larger_in_tiles, {dim3(num_rows, on.num_tiles), draw_threads(on.vocab)}, stream, on);
}

}  // namespace aerie::cuda
