// Draws of rows with top_k, top_p or min_p, in the order of their weights.
#include "core/philox.h"
#include "cuda/device/primitives.h"
#include "cuda/device/sampling_report.h"
#include "cuda/launch.h"

namespace aerie::cuda {
namespace {

// Weights that are sorted in shared memory; more are sorted where they were gathered.
constexpr uint32_t kSharedKeys = 4096;

// A token by its weight: larger where that is, or where it is equal and the token lower.
__device__ uint64_t weight_key(float weight, uint32_t token) {
    return uint64_t(__float_as_uint(weight)) << 32 | (0xffffffffu - token);
}

__global__ void __launch_bounds__(kMostDrawThreads) gather_kept_tokens(Drawing on) {
    DrawRow row;
    if (!find_row(on, on.first_gathered + blockIdx.x, row) || !row.filters) return;
    Filtering& filtering = on.filterings[row.at];
    if (!(filtering.total > 0)) return;
    const float top = logit_of(on.row_keys[size_t(row.at) * on.list]), inverse = row.inverse_temperature();
    const uint32_t first = blockIdx.y * kTileTokens, tokens = on.tokens_of_tile(blockIdx.y), lane = threadIdx.x % 32;
    uint64_t* const gathered = on.gathered + size_t(blockIdx.x) * on.vocab;
    const float cut = filtering.cut;
    for (uint32_t base = 0; base < tokens; base += blockDim.x) {
        const uint32_t i = base + threadIdx.x;
        const bool is_token = i < tokens && row.allows(first + i);
        const float weight = is_token ? weight_of(row.logits[first + i], top, inverse) : -1.0f;
        const unsigned kept = __ballot_sync(kAllLanes, weight >= cut);
        if (!kept) continue;
        // In any order, since no two are equal.
        uint32_t place = 0;
        if (lane == 0) place = atomicAdd(&filtering.gathered, uint32_t(__popc(kept)));
        place = __shfl_sync(kAllLanes, place, 0) + uint32_t(__popc(kept & ((1u << lane) - 1)));
        if (weight >= cut) gathered[place] = weight_key(weight, first + i);
    }
}

// Bitonic sort in place, the largest first. What is past the end counts as less than all.
__device__ void sort_keys(uint64_t* keys, uint32_t count) {
    for (uint32_t size = 2; size / 2 < count; size *= 2) {
        const uint32_t num_pairs = (count + size - 1) / size * (size / 2);
        for (uint32_t distance = size / 2; distance; distance /= 2) {
            __syncthreads();
            for (uint32_t pair = threadIdx.x; pair < num_pairs; pair += blockDim.x) {
                const uint32_t low = pair / distance * 2 * distance + pair % distance;
                const uint32_t high = distance == size / 2 ? low ^ (size - 1) : low + distance;
                if (high >= count || keys[low] >= keys[high]) continue;
                const uint64_t larger = keys[high];
                keys[high] = keys[low];
                keys[low] = larger;
            }
        }
    }
    __syncthreads();
}

// Where a walk over keys stands.
struct Walk {
    uint32_t taken;
    bool goes_on;
};

// Has the first thread take weights of keys one after another as long as `take(weight)` is true; how many it took, for
// all threads. `room` [kSharedKeys] in shared memory, or the keys themselves.
template <class Take>
__device__ uint32_t walk_keys(const uint64_t* keys, uint32_t count, uint64_t* room, Walk& walk, Take&& take) {
    if (threadIdx.x == 0) walk = {0, true};
    for (uint32_t base = 0; base < count; base += kSharedKeys) {
        const uint32_t end = min(count - base, kSharedKeys);
        for (uint32_t i = threadIdx.x; i < end && room != keys; i += blockDim.x) room[i] = keys[base + i];
        __syncthreads();
        if (threadIdx.x == 0)
            for (uint32_t i = 0; i < end && walk.goes_on; ++i, ++walk.taken)
                walk.goes_on = take(double(__uint_as_float(uint32_t(room[i] >> 32))));
        __syncthreads();
        if (!walk.goes_on) break;
    }
    const uint32_t taken = walk.taken;
    __syncthreads();
    return taken;
}

__global__ void __launch_bounds__(kMostDrawThreads, 4) draw_of_kept_tokens(Drawing on) {
    __shared__ Walk walk;
    DrawRow row;
    if (!find_row(on, on.first_gathered + blockIdx.x, row) || !row.filters) return;
    const Filtering filtering = on.filterings[row.at];
    if (!(filtering.total > 0)) return;
    uint64_t* const room = dynamic_shared<uint64_t>();
    uint64_t* keys = on.gathered + size_t(blockIdx.x) * on.vocab;
    if (filtering.gathered <= kSharedKeys) {
        for (uint32_t i = threadIdx.x; i < filtering.gathered; i += blockDim.x) room[i] = keys[i];
        keys = room;
    }
    sort_keys(keys, filtering.gathered);

    const aerie_sampling_row& with = *row.row;
    const double limit = double(with.top_p) * filtering.total;
    double kept = 0;
    const uint32_t num_kept =
        walk_keys(keys, min(filtering.gathered, row.top_k(on.vocab)), room, walk, [&](double weight) {
            kept += weight;
            return kept <= limit;
        });
    double mass = philox_uniform(with.seed_low, with.seed_high, uint32_t(with.position)) * kept;
    const uint32_t taken = walk_keys(keys, num_kept, room, walk, [&](double weight) {
        mass -= weight;
        return !(mass < 0);
    });
    report_row(on, row, filtering.total, int32_t(token_of(keys[taken - 1])));
}

}  // namespace

cudaError_t gather_kept(const Drawing& on, uint32_t num_rows, cudaStream_t stream) {
    return launch(gather_kept_tokens, {dim3(num_rows, on.num_tiles), draw_threads(on.vocab)}, stream, on);
}

cudaError_t draw_of_kept(const Drawing& on, uint32_t num_rows, cudaStream_t stream) {
    const size_t shared = std::min(on.vocab, kSharedKeys) * sizeof(uint64_t);
    return launch(draw_of_kept_tokens, {num_rows, draw_threads(on.vocab), shared}, stream, on);
}

}  // namespace aerie::cuda
