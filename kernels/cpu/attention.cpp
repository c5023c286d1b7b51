// Paged attention with online softmax (Milakov & Gimelshein 2018) over blocks of 256 keys. A row sees entries
// 0 .. visible-1 of its sequence and those of the next 64 whose bit is set in its tree mask. Queries that read the same
// keys go together, up to 12; each query's arithmetic is the same whoever its neighbours are.
#include "cpu/fused.h"

namespace aerie::cpu::AERIE_ISA {
namespace {

struct Query {
    const float* q;
    float* out;
    int32_t visible;
    uint64_t tree;
};

// Bits of the 16 keys from `key` on that the query sees.
AERIE_INLINE uint32_t seen_mask(const Query& query, int32_t key) {
    const int32_t whole = query.visible - key;
    if (whole >= 16) return 0xffff;
    if (whole <= 0) return whole <= -64 ? 0 : uint32_t(query.tree >> -whole) & 0xffff;
    return ((1u << whole) - 1) | (uint32_t(query.tree << whole) & 0xffff);
}

AERIE_INLINE Floats load_kv(const float* p) { return load(p); }
AERIE_INLINE Floats load_kv(const uint16_t* p) { return load_bf16(p); }

// Where the keys and values of one sequence and KV head lie.
template <class T>
struct Pages {
    const T *keys, *values;  // of page 0
    const int32_t* table;
    uint32_t page_size, head_dim;
    size_t stride;  // between pages

    AERIE_INLINE size_t block(uint32_t key) const {  // offset of the 16 keys from `key` on
        return size_t(table[key / page_size]) * stride + size_t(key % page_size) * head_dim;
    }
};

constexpr float kHidden = -1e30f;

// scores [NQ, 256] of the keys first .. first + count - 1, hidden ones at kHidden.
template <class T, int NQ>
AERIE_INLINE void score_keys(const Pages<T>& pages, const Query* queries, const float* transposed, float scale,
                             uint32_t first, uint32_t count, float* scores) {
    for (uint32_t b = 0; b < count; b += 16) {
        const T* keys = pages.keys + pages.block(first + b);
        Floats even[NQ], odd[NQ];  // two chains hide the latency of fma
        AERIE_UNROLL
        for (int i = 0; i < NQ; ++i) even[i] = odd[i] = set1(0.0f);
        for (uint32_t d = 0; d < pages.head_dim; d += 2) {
            const Floats k0 = load_kv(keys + d * 16), k1 = load_kv(keys + d * 16 + 16);
            AERIE_UNROLL
            for (int i = 0; i < NQ; ++i) {
                even[i] = fma(k0, set1(transposed[d * NQ + i]), even[i]);
                odd[i] = fma(k1, set1(transposed[(d + 1) * NQ + i]), odd[i]);
            }
        }
        AERIE_UNROLL
        for (int i = 0; i < NQ; ++i) {
            const Floats score = mul(add(even[i], odd[i]), set1(scale));
            store(scores + i * kKeysPerBlock + b,
                  select(seen_mask(queries[i], int32_t(first + b)), score, set1(kHidden)));
        }
    }
}

// sums [NQ, head_dim] += weights [NQ, 256] * values, W vectors of the head at a time.
template <class T, int NQ, int W>
AERIE_INLINE void add_values(const Pages<T>& pages, const float* weights, uint32_t first, uint32_t count, uint32_t d0,
                             float* sums) {
    Floats acc[NQ][W];
    AERIE_UNROLL
    for (int i = 0; i < NQ; ++i) AERIE_UNROLL
    for (int w = 0; w < W; ++w) acc[i][w] = load(sums + i * pages.head_dim + d0 + w * 16);
    for (uint32_t b = 0; b < count; b += 16) {
        const T* values = pages.values + pages.block(first + b) + d0;
        const uint32_t end = count - b < 16 ? count - b : 16;
        for (uint32_t p = 0; p < end; ++p, values += pages.head_dim) {
            Floats v[W];
            AERIE_UNROLL
            for (int w = 0; w < W; ++w) v[w] = load_kv(values + w * 16);
            AERIE_UNROLL
            for (int i = 0; i < NQ; ++i) {
                const Floats weight = set1(weights[i * kKeysPerBlock + b + p]);
                AERIE_UNROLL
                for (int w = 0; w < W; ++w) acc[i][w] = fma(v[w], weight, acc[i][w]);
            }
        }
    }
    AERIE_UNROLL
    for (int i = 0; i < NQ; ++i) AERIE_UNROLL
    for (int w = 0; w < W; ++w) store(sums + i * pages.head_dim + d0 + w * 16, acc[i][w]);
}

// scratch: transposed queries [head_dim, NQ], sums [NQ, head_dim], scores [NQ, 256].
template <class T, int NQ>
void attend(const Pages<T>& pages, const Query* queries, uint32_t num_keys, float scale, float* scratch) {
    const uint32_t dim = pages.head_dim;
    float* transposed = scratch;
    float* sums = transposed + dim * NQ;
    float* scores = sums + dim * NQ;
    for (int i = 0; i < NQ; ++i)
        for (uint32_t d = 0; d < dim; ++d) transposed[d * NQ + i] = queries[i].q[d];
    memset(sums, 0, dim * NQ * sizeof(float));
    float top[NQ], mass[NQ];
    for (int i = 0; i < NQ; ++i) top[i] = kHidden, mass[i] = 0;
    for (uint32_t first = 0; first < num_keys; first += kKeysPerBlock) {
        const uint32_t left = num_keys - first, count = left < kKeysPerBlock ? left : kKeysPerBlock;
        score_keys<T, NQ>(pages, queries, transposed, scale, first, count, scores);
        for (int i = 0; i < NQ; ++i) {
            float* row = scores + i * kKeysPerBlock;
            Floats largest = set1(top[i]);
            for (uint32_t b = 0; b < count; b += 16) largest = max(largest, load(row + b));
            const float now = reduce_max(largest);
            float lanes[16];
            store(lanes, exp(set1(top[i] - now)));
            const float shrink = lanes[0];
            Floats total = set1(0.0f);
            for (uint32_t b = 0; b < count; b += 16) {
                const Floats score = load(row + b);
                const uint32_t hidden = less(score, set1(0.5f * kHidden));
                const Floats weight = select(hidden, set1(0.0f), exp(sub(score, set1(now))));
                total = add(total, weight);
                store(row + b, weight);
            }
            top[i] = now;
            mass[i] = mass[i] * shrink + reduce_add(total);
            if (first)
                for (uint32_t d = 0; d < dim; d += 16)
                    store(sums + i * dim + d, mul(load(sums + i * dim + d), set1(shrink)));
        }
        constexpr int kWide = NQ <= 6 ? 4 : 2;
        uint32_t d = 0;
        for (; d + 16 * kWide <= dim; d += 16 * kWide) add_values<T, NQ, kWide>(pages, scores, first, count, d, sums);
        for (; d < dim; d += 16) add_values<T, NQ, 1>(pages, scores, first, count, d, sums);
    }
    for (int i = 0; i < NQ; ++i)
        for (uint32_t d = 0; d < dim; d += 16) store(queries[i].out + d, div(load(sums + i * dim + d), set1(mass[i])));
}

// Rounds the number of queries up to a compiled one by repeating the last: the same result is written twice.
template <class T>
void attend_any(const Pages<T>& pages, Query* queries, uint32_t count, uint32_t num_keys, float scale, float* scratch) {
    static constexpr uint8_t kRounded[kMaxQueries + 1] = {0, 1, 2, 3, 4, 6, 6, 8, 8, 12, 12, 12, 12};
    for (uint32_t i = count; i < kRounded[count]; ++i) queries[i] = queries[count - 1];
    switch (kRounded[count]) {
        case 1:
            return attend<T, 1>(pages, queries, num_keys, scale, scratch);
        case 2:
            return attend<T, 2>(pages, queries, num_keys, scale, scratch);
        case 3:
            return attend<T, 3>(pages, queries, num_keys, scale, scratch);
        case 4:
            return attend<T, 4>(pages, queries, num_keys, scale, scratch);
        case 6:
            return attend<T, 6>(pages, queries, num_keys, scale, scratch);
        case 8:
            return attend<T, 8>(pages, queries, num_keys, scale, scratch);
        default:
            return attend<T, 12>(pages, queries, num_keys, scale, scratch);
    }
}

// Rotates and stores the key of one row and KV head, and stores its value.
template <class T>
void rotate_and_store(const Op& op, size_t row, uint32_t kv_head) {
    const uint32_t dim = op.kv->head_dim;
    float* key = op.x->data + row * op.x->cols + (op.num_heads + kv_head) * dim;
    rotate(key, op.angles->data + row * dim, dim / 2);
    store_kv<T>(*op.kv, op.layer, uint32_t(op.batch->slots.data()[row]), kv_head, key, key + op.kv->num_kv_heads * dim);
}

// Up to 12 (row, head) pairs of one segment and one KV head.
struct Item {
    uint32_t segment, kv_head, first_pair, num_pairs;
};

template <class T>
void attend_item(const Op& op, const Worker& worker, const Item& item) {
    const KvPool& kv = *op.kv;
    const Batch& batch = *op.batch;
    const uint32_t dim = kv.head_dim, group = op.num_heads / kv.num_kv_heads;
    const size_t base = page_offset(kv, op.layer, 0, item.kv_head);
    const Pages<T> pages = {reinterpret_cast<const T*>(kv.keys.data()) + base,
                            reinterpret_cast<const T*>(kv.values.data()) + base,
                            batch.page_table.data() + size_t(item.segment) * batch.pages_per_segment,
                            kv.page_size,
                            dim,
                            page_offset(kv, 0, 1, 0)};
    const size_t first_row = uint32_t(batch.segment_starts.data()[item.segment]);
    Query queries[kMaxQueries];
    uint32_t num_keys = 0;
    for (uint32_t i = 0; i < item.num_pairs; ++i) {
        const uint32_t pair = item.first_pair + i, head = item.kv_head * group + pair % group;
        const size_t row = first_row + pair / group;
        const uint64_t tree = batch.tree_masks.data()[row];
        float* q = op.x->data + row * op.x->cols + head * dim;
        if (op.angles) rotate(q, op.angles->data + row * dim, dim / 2);
        queries[i] = {q, op.out->data + row * op.out->cols + head * dim, batch.visible.data()[row], tree};
        const uint32_t reach = uint32_t(queries[i].visible) + (tree ? 64 - uint32_t(__builtin_clzll(tree)) : 0);
        if (reach > num_keys) num_keys = reach;
    }
    attend_any<T>(pages, queries, item.num_pairs, num_keys, op.scalar, worker.scratch->attention);
    if (!op.handed_over) return;
    const Activations out = op.handed_over->layout(rows_of(*op.out), op.out->cols);
    for (uint32_t i = 0; i < item.num_pairs; ++i) {
        const uint32_t pair = item.first_pair + i, head = item.kv_head * group + pair % group;
        for (uint32_t d = 0; d < dim; d += kBlock)
            quantise_block(load(queries[i].out + d), load(queries[i].out + d + 16), out,
                           uint32_t(first_row) + pair / group, (head * dim + d) / kBlock);
    }
}

// Where one item covers all rows of its segment and KV head, it stores them itself; otherwise rows are stored first.
bool items_cover_segments(const Batch& batch, uint32_t group) {
    const int32_t* starts = batch.segment_starts.data();
    for (uint32_t segment = 0; segment < batch.num_segments; ++segment)
        if (uint32_t(starts[segment + 1] - starts[segment]) * group > kMaxQueries) return false;
    return true;
}

// Every row, shared out by head and runs of rows: the keys of neighbouring rows lie in the same cache lines.
template <class T>
void store_all(const Op& op, const Worker& worker) {
    const uint32_t num_rows = op.batch->num_rows, kv_heads = op.kv->num_kv_heads, runs = (num_rows + 15) / 16;
    uint32_t first, last;
    worker.share(runs * kv_heads, first, last);
    for (uint32_t item = first; item < last; ++item) {
        const uint32_t begin = item / kv_heads * 16, end = begin + 16 < num_rows ? begin + 16 : num_rows;
        for (uint32_t row = begin; row < end; ++row) rotate_and_store<T>(op, row, item % kv_heads);
    }
}

template <class T>
void attention_of(const Op& op, const Worker& worker) {
    const Batch& batch = *op.batch;
    const uint32_t kv_heads = op.kv->num_kv_heads, group = op.num_heads / kv_heads;
    const bool stores_itself = op.angles && items_cover_segments(batch, group);
    if (op.angles && !stores_itself) {
        store_all<T>(op, worker);
        worker.barrier();
    }
    const int32_t* starts = batch.segment_starts.data();
    uint32_t claimed = op.cursor->fetch_add(1, std::memory_order_relaxed), index = 0;
    for (uint32_t segment = 0; segment < batch.num_segments; ++segment) {
        const uint32_t pairs = uint32_t(starts[segment + 1] - starts[segment]) * group;
        for (uint32_t pair = 0; pair < pairs; pair += kMaxQueries)
            for (uint32_t head = 0; head < kv_heads; ++head, ++index) {
                if (index != claimed) continue;
                if (stores_itself)
                    for (int32_t row = starts[segment]; row < starts[segment + 1]; ++row)
                        rotate_and_store<T>(op, size_t(row), head);
                const uint32_t count = pairs - pair < kMaxQueries ? pairs - pair : kMaxQueries;
                attend_item<T>(op, worker, {segment, head, pair, count});
                claimed = op.cursor->fetch_add(1, std::memory_order_relaxed);
            }
    }
}

}  // namespace

void attention(const Op& op, const Worker& worker) {
    if (op.kv->dtype == AERIE_F32) {
        attention_of<float>(op, worker);
    } else {
        attention_of<uint16_t>(op, worker);
    }
}

}  // namespace aerie::cpu::AERIE_ISA
