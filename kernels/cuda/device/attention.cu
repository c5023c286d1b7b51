// Paged attention: causal chunks of prompts, decoding and draft trees in one kernel. A block takes an item, a KV head
// and chunks of keys; all queries of the item share one pass over them. Chunks are merged in order, by attention_merge
// where blocks took them at the same time, here where one block took them all: a row's bits are the same.
#include "cuda/attention.h"

#include "cuda/device/attention_merge.h"
#include "cuda/device/attention_tile.h"
#include "cuda/device/op_rows.h"
#include "cuda/launch.h"

namespace aerie::cuda {
namespace {

// Sequences of more rows have enough items to fill a device without taking chunks at the same time.
constexpr uint32_t kMostSplitRows = 256;
constexpr uint32_t kMostSplits = 32;

template <class T>
struct Attention {
    float* out;
    const float* qkv;
    const T* pool;
    float* partials;
    const uint8_t* block;
    AttentionShape shape;
    size_t scratch_floats;
};

// The partial result of an item and a chunk, in shared memory.
template <class T>
__device__ void attend_chunk(const Attention<T>& on, const AttentionMemory& memory, const BatchArrays& arrays,
                             const RowItem& item, uint32_t first) {
    const KvLayout& kv = on.shape.kv;
    const uint32_t dim = kv.head_dim, warp = threadIdx.x / 32, num_warps = kAttentionThreads / 32;
    const int32_t* pages = arrays.page_table + size_t(item.segment) * arrays.pages_per_segment;
    const T* keys = on.pool + on.shape.layer * kv.layer_stride() + blockIdx.y * kv.head_stride();
    if (threadIdx.x < item.num_rows) {
        const uint32_t row = item.first_row + threadIdx.x;
        memory.rows[threadIdx.x] =
            keys_in_chunk(arrays.visible[row], arrays.tree_masks[row], on.shape.window, int32_t(first));
    }
    for (uint32_t i = threadIdx.x; i < item.num_pairs * dim; i += kAttentionThreads) memory.sums[i] = 0.0f;
    if (threadIdx.x < item.num_pairs) memory.softmax[threadIdx.x] = {kLowest, 0.0f};
    __syncthreads();
    uint32_t begin = first + kKeysPerBlock, end = first;
    for (uint32_t row = 0; row < item.num_rows; ++row) {
        begin = min(begin, uint32_t(memory.rows[row].begin));
        end = max(end, uint32_t(memory.rows[row].end));
    }
    for (uint32_t key = max(begin, first); key < end; key += kTile) {
        const uint32_t count = min(end - key, kTile);
        load_tile(memory.tile, keys, pages, kv, key, count);
        __syncthreads();
        // Few pairs: each its own warp.
        if (item.num_pairs <= num_warps) {
            if (warp < item.num_pairs) score_pairs<1>(memory, warp, item.num_pairs, dim, count, on.shape.scale);
        } else {
            for (uint32_t pair = 4 * warp; pair < item.num_pairs; pair += 4 * num_warps)
                score_pairs<4>(memory, pair, item.num_pairs, dim, count, on.shape.scale);
        }
        __syncthreads();
        load_tile(memory.tile, keys + kv.values(), pages, kv, key, count);
        for (uint32_t pair = warp; pair < item.num_pairs; pair += num_warps)
            weigh_keys(memory, pair, memory.rows[row_of(item, on.shape, pair)], key, count, on.shape.soft_cap);
        __syncthreads();
        const uint32_t parts = dim / 4;
        if (item.num_pairs <= num_warps) {
            for (uint32_t i = threadIdx.x; i < item.num_pairs * parts; i += kAttentionThreads)
                sum_values<1>(memory, i / parts, item.num_pairs, i % parts * 4, dim, count);
        } else {
            for (uint32_t i = threadIdx.x; i < (item.num_pairs + 3) / 4 * parts; i += kAttentionThreads)
                sum_values<4>(memory, i / parts * 4, item.num_pairs, i % parts * 4, dim, count);
        }
        if (threadIdx.x < item.num_pairs) sum_weights(memory, threadIdx.x);
        __syncthreads();
    }
}

template <class T>
__global__ void __launch_bounds__(kAttentionThreads, 2) attend(Attention<T> on) {
    const AttentionShape& shape = on.shape;
    const BatchArrays arrays = arrays_in(on.block);
    const bool splits = gridDim.z > 1 && shape.has_room(arrays, on.scratch_floats);
    RowItem item;
    if ((!splits && blockIdx.z) || !find_item(arrays, shape, blockIdx.x, item)) return;
    ChunkRange chunks = chunks_of_row(arrays, shape.window, item.first_row);
    for (uint32_t row = 1; row < item.num_rows; ++row) {
        const ChunkRange more = chunks_of_row(arrays, shape.window, item.first_row + row);
        chunks = {min(chunks.first, more.first), max(chunks.end, more.end)};
    }
    if (blockIdx.z >= chunks.count()) return;

    const uint32_t dim = shape.kv.head_dim, first_head = blockIdx.y * shape.group;
    const AttentionMemory memory(shape.pairs_per_item, dim);
    const auto head_of = [&](uint32_t pair) { return first_head + (item.first_pair + pair) % shape.group; };
    for (uint32_t i = threadIdx.x; i < item.num_pairs * dim; i += kAttentionThreads) {
        const uint32_t pair = i / dim, row = item.first_row + row_of(item, shape, pair);
        memory.queries[i] = on.qkv[size_t(row) * shape.qkv_cols + head_of(pair) * dim + i % dim];
    }
    Softmax all;  // of the pair with the calling thread's number, over the chunks so far
    for (uint32_t chunk = chunks.first + blockIdx.z; chunk < chunks.end; chunk += splits ? gridDim.z : 1) {
        attend_chunk(on, memory, arrays, item, chunk * kKeysPerBlock);
        // Merges here: the factors lie in place of the weights.
        MergeFactors* factors = reinterpret_cast<MergeFactors*>(memory.weights);
        if (!splits && threadIdx.x < item.num_pairs) {
            Softmax& one = memory.softmax[threadIdx.x];
            factors[threadIdx.x] = {0.0f, 1.0f};
            const ChunkRange own =
                chunks_of_row(arrays, shape.window, item.first_row + row_of(item, shape, threadIdx.x));
            if (chunk == own.first) {
                all = one;
            } else if (own.first < chunk && chunk < own.end) {
                factors[threadIdx.x] = merge(all, one);
                one = all;
            }
        }
        __syncthreads();
        for (uint32_t i = threadIdx.x; i < item.num_pairs * dim; i += kAttentionThreads) {
            const uint32_t pair = i / dim, row = item.first_row + row_of(item, shape, pair), head = head_of(pair);
            const ChunkRange own = chunks_of_row(arrays, shape.window, row);
            if (chunk < own.first || chunk >= own.end) continue;
            if (splits && own.count() > 1) {
                float* partial = on.partials + shape.partial(arrays, row, head, chunk - own.first);
                partial[i % dim] = memory.sums[i];
                if (i % dim == 0) *reinterpret_cast<Softmax*>(partial + dim) = memory.softmax[pair];
                continue;
            }
            // Sums over the chunks so far wait in the output.
            float& to = on.out[(size_t(row) * shape.num_heads + head) * dim + i % dim];
            const float sum = chunk > own.first ? merged(to, memory.sums[i], factors[pair]) : memory.sums[i];
            to = chunk + 1 == own.end ? sum / memory.softmax[pair].mass : sum;
        }
        __syncthreads();
    }
}

// Shared memory that a block may have on the device.
int most_shared_bytes() {
    int device = 0, bytes = 0;
    expect_success(cudaGetDevice(&device), "attention");
    expect_success(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "attention");
    return bytes;
}

// The most pairs that so much shared memory holds, whole rows of them if possible.
uint32_t pairs_per_item(size_t bytes, uint32_t max_rows, uint32_t group, uint32_t dim) {
    const size_t room = (bytes - AttentionMemory::bytes(0, dim)) / AttentionMemory::pair_bytes(dim);
    const uint32_t most = std::min(uint32_t(room), kAttentionThreads);
    const uint32_t rows = std::min(max_rows, kRowsPerItem);
    return most < group ? most : std::min(rows, most / group) * group;
}

}  // namespace

size_t attention_scratch_bytes(uint32_t num_rows, uint32_t num_heads, uint32_t head_dim, uint32_t most_keys,
                               uint32_t window) {
    return size_t(chunks_of_keys(most_keys, window)) * num_rows * num_heads * (head_dim + 4) * sizeof(float);
}

void attention(const Op& op, const Launch& on) {
    if (!on.max_rows) return;
    AttentionShape shape;
    shape.kv = layout_of(*op.kv);
    shape.layer = op.layer;
    shape.num_heads = op.num_heads;
    shape.group = op.num_heads / shape.kv.num_kv_heads;
    shape.qkv_cols = op.x->cols;
    shape.window = op.window;
    shape.scale = op.scalar;
    shape.soft_cap = op.soft_cap;
    const uint32_t dim = shape.kv.head_dim;
    const int most_shared = most_shared_bytes();
    shape.pairs_per_item = pairs_per_item(size_t(most_shared), on.max_rows, shape.group, dim);
    const uint32_t per_row = (shape.group + shape.pairs_per_item - 1) / shape.pairs_per_item;
    const auto most_items = uint32_t(std::min<uint64_t>(
        uint64_t(on.max_rows) * per_row, on.max_segments + uint64_t(on.max_rows) * shape.group / shape.pairs_per_item));
    const uint32_t keys = aerie::batch_of(op)->max_pages * shape.kv.page_size;
    const uint32_t splits =
        !on.scratch || on.max_rows > kMostSplitRows ? 1 : std::min(kMostSplits, chunks_of_keys(keys, op.window));
    const size_t shared = AttentionMemory::bytes(shape.pairs_per_item, dim);
    float* const out = floats(*op.out, on);
    float* const partials = static_cast<float*>(on.scratch);
    const size_t scratch_floats = on.scratch_bytes / sizeof(float);
    const uint8_t* const block = device_block(*aerie::batch_of(op));
    const auto run = [&]<class T>(T) {
        const auto kernel = attend<T>;
        // Never less than a captured launch of other heads has, since a graph is made of it afterwards.
        expect_success(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, most_shared),
                       "attention");
        const Attention<T> work = {
            out,   floats(*op.x, on), static_cast<const T*>(op.kv->buffer.address), partials, block,
            shape, scratch_floats};
        return launch(kernel, {dim3(most_items, shape.kv.num_kv_heads, splits), kAttentionThreads, shared}, on.stream,
                      work);
    };
    expect_success(with_type(op.kv->dtype, run), "attention");
    if (splits > 1)
        expect_success(merge_chunks(out, partials, block, shape, scratch_floats, on.max_rows, on.stream), "attention");
}

}  // namespace aerie::cuda
