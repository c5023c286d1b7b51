// Attention over one block of 256 keys, for queries that read the same keys: softmax not yet normalised, to be merged
// with the other blocks (online softmax, Milakov & Gimelshein 2018; split over keys as in Flash-Decoding).
#pragma once
#include <algorithm>

#include "cpu/attention_query.h"
#include "cpu/fused.h"

namespace aerie::cpu::AERIE_ISA {

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

// Keys to prefetch: first .. end - 1.
template <class T>
struct Upcoming {
    Pages<T> pages;
    uint32_t first, end;
};

// Software prefetch of the keys that are wanted next: pages of a sequence lie far apart, where the hardware's
// prefetcher does not follow.
template <class T>
AERIE_INLINE void prefetch(const T* at, uint32_t count) {
    for (uint32_t i = 0; i < count; i += 64 / sizeof(T)) __builtin_prefetch(at + i);
}

constexpr float kHidden = -1e30f;

// Partial result of a query: sums [head_dim] of exp(score - top) * value, then top (the largest score), then mass (the
// sum of the exponentials); partial_stride floats per query.
AERIE_INLINE uint32_t partial_stride(uint32_t head_dim) { return head_dim + 16; }

// scores [NQ, kScores] of some keys of the block that begins at `first`; transposed: queries [head_dim, NQ]. Prefetches
// the values of these keys.
template <class T, int NQ>
AERIE_INLINE void score_keys(float* scores, const Pages<T>& pages, const float* transposed, float scale, uint32_t first,
                             KeyRange keys) {
    for (uint32_t b = keys.begin; b < keys.end; b += 16) {
        const size_t block = pages.block(first + b);
        const T *keys_at = pages.keys + block, *values = pages.values + block;
        for (uint32_t lane = 0; lane < 16; lane += kRegisterLanes) {
            Register even[NQ], odd[NQ];  // two chains hide the latency of fma
            AERIE_UNROLL
            for (int i = 0; i < NQ; ++i) even[i] = odd[i] = splat(0.0f);
            const T* key = keys_at + lane;
            const float* q = transposed;
            for (uint32_t d = 0; d < pages.head_dim; d += 2, key += 32, q += 2 * NQ) {
                if (lane == 0) prefetch(values + d * 16, 32);
                const Register k0 = load_register(key), k1 = load_register(key + 16);
                AERIE_UNROLL
                for (int i = 0; i < NQ; ++i) {
                    even[i] = fma(k0, splat(q[i]), even[i]);
                    odd[i] = fma(k1, splat(q[NQ + i]), odd[i]);
                }
            }
            AERIE_UNROLL
            for (int i = 0; i < NQ; ++i)
                store(scores + i * kScores + b + lane, mul(add(even[i], odd[i]), splat(scale)));
        }
    }
}

// Scores of hidden keys become kHidden.
AERIE_INLINE void hide_keys(float* scores, const Query& query, uint32_t first, KeyRange keys) {
    uint32_t b = keys.begin;
    // Between the groups of 16 keys in which the straight line begins and ends there are none.
    const int32_t line = (query.visible - int32_t(first)) / 16 * 16;
    if (query.first <= int32_t(first + b) && line > int32_t(b)) b = uint32_t(line);
    for (; b < keys.end; b += 16) {
        const uint32_t seen = seen_mask(query, int32_t(first + b));
        if (seen != 0xffff) store(scores + b, select(seen, load(scores + b), set1(kHidden)));
    }
}

// Scores become cap * tanh(score / cap).
AERIE_INLINE void cap_scores(float* scores, float cap, KeyRange keys) {
    for (uint32_t b = keys.begin; b < keys.end; b += 16)
        store(scores + b, mul(tanh(div(load(scores + b), set1(cap))), set1(cap)));
}

// Sums weights lane by lane, those of the tree moved up to follow the straight line.
AERIE_INLINE Floats mass_by_lane(const Query& query, const float* weights, uint32_t first, uint32_t begin) {
    const int32_t straight = query.visible - int32_t(first), skipped = query.first - int32_t(first);
    Floats total = set1(0.0f);
    float moved[16 + 64] = {};
    uint32_t n = skipped > 0 ? uint32_t(skipped) % 16 : 0;
    if (straight > 0 && straight > skipped) {
        const uint32_t line = uint32_t(straight), whole = line / 16 * 16;
        for (uint32_t b = begin; b < whole; b += 16) total = add(total, load(weights + b));
        n = line - whole;
        memcpy(moved, weights + whole, n * sizeof(float));
    }
    for (uint64_t left = query.tree; left; left &= left - 1) moved[n++] = weights[straight + __builtin_ctzll(left)];
    for (uint32_t b = 0; b < n; b += 16) total = add(total, load(moved + b));
    return total;
}

// Softmax weights: scores become exp(score - top), those of hidden keys 0 if any key is seen. If none is, nobody reads
// the result. Writes top and mass to the partial.
AERIE_INLINE void weigh_keys(float* partial, float* scores, const Query& query, uint32_t head_dim, uint32_t first,
                             KeyRange keys) {
    Floats largest = set1(kHidden);
    for (uint32_t b = keys.begin; b < keys.end; b += 16) largest = max(largest, load(scores + b));
    const float top = reduce_max(largest);
    Floats mass = set1(0.0f);
    for (uint32_t b = keys.begin; b < keys.end; b += 16) {
        const Floats weight = exp(sub(load(scores + b), set1(top)));
        store(scores + b, weight);
        mass = add(mass, weight);
    }
    partial[head_dim] = top;
    partial[head_dim + 1] = reduce_add(query.tree ? mass_by_lane(query, scores, first, keys.begin) : mass);
}

// sums [NQ][d0 .. d0 + W registers - 1] = weights [NQ, kScores] * values. A key of weight 0 changes no bit. Prefetches
// as many bytes of the next keys as it reads itself.
template <class T, int NQ, int W>
AERIE_INLINE void sum_values(float* partials, const Pages<T>& pages, const float* weights, uint32_t first,
                             KeyRange keys, uint32_t d0, const Upcoming<T>& upcoming) {
    Register acc[NQ][W];
    AERIE_UNROLL
    for (int i = 0; i < NQ; ++i) {
        AERIE_UNROLL
        for (int w = 0; w < W; ++w) acc[i][w] = splat(0.0f);
    }
    uint32_t ahead = upcoming.first;
    for (uint32_t b = keys.begin; b < keys.end; b += 16, ahead += 16) {
        const T* values = pages.values + pages.block(first + b) + d0;
        const bool more = ahead < upcoming.end;
        const T* next = more ? upcoming.pages.keys + upcoming.pages.block(ahead) + d0 * 16 : values;
        const uint32_t end = keys.end - b < 16 ? keys.end - b : 16;
        const float* weight_of = weights + b;
        for (uint32_t p = 0; p < end; ++p, values += pages.head_dim, ++weight_of) {
            if (more) prefetch(next + p * W * kRegisterLanes, W * kRegisterLanes);
            Register v[W];
            AERIE_UNROLL
            for (int w = 0; w < W; ++w) v[w] = load_register(values + w * kRegisterLanes);
            AERIE_UNROLL
            for (int i = 0; i < NQ; ++i) {
                const Register weight = splat(weight_of[i * kScores]);
                AERIE_UNROLL
                for (int w = 0; w < W; ++w) acc[i][w] = fma(v[w], weight, acc[i][w]);
            }
        }
    }
    const uint32_t stride = partial_stride(pages.head_dim);
    AERIE_UNROLL
    for (int i = 0; i < NQ; ++i) {
        AERIE_UNROLL
        for (int w = 0; w < W; ++w) store(partials + i * stride + d0 + w * kRegisterLanes, acc[i][w]);
    }
}

// How scores become weights.
struct Scoring {
    float scale, soft_cap;  // soft_cap: 0 if there is none
};

// partials [NQ, partial_stride] of some keys of the block that begins at `first`. scratch: transposed queries, then
// scores.
template <class T, int NQ>
void attend_block(float* partials, const Pages<T>& pages, const Query* queries, const Scoring& scoring, uint32_t first,
                  KeyRange keys, float* scratch, const Upcoming<T>& upcoming) {
    const uint32_t dim = pages.head_dim;
    float *transposed = scratch, *scores = scratch + dim * NQ;
    for (int i = 0; i < NQ; ++i)
        for (uint32_t d = 0; d < dim; ++d) transposed[d * NQ + i] = queries[i].q[d];
    score_keys<T, NQ>(scores, pages, transposed, scoring.scale, first, keys);
    for (int i = 0; i < NQ; ++i) {
        float* of_query = scores + i * kScores;
        if (scoring.soft_cap > 0) cap_scores(of_query, scoring.soft_cap, keys);
        hide_keys(of_query, queries[i], first, keys);
        weigh_keys(partials + i * partial_stride(dim), of_query, queries[i], dim, first, keys);
    }
    constexpr int kAccumulators = kManyRegisters ? 24 : 12;
    constexpr int kWide = NQ * 4 <= kAccumulators ? 4 : NQ * 2 <= kAccumulators ? 2 : 1;
    uint32_t d = 0;
    for (; d + kRegisterLanes * kWide <= dim; d += kRegisterLanes * kWide)
        sum_values<T, NQ, kWide>(partials, pages, scores, first, keys, d, upcoming);
    for (; d < dim; d += kRegisterLanes) sum_values<T, NQ, 1>(partials, pages, scores, first, keys, d, upcoming);
}

// Queries computed together: as many as have their accumulators in registers.
constexpr uint32_t kTogether = kManyRegisters ? 12 : 6;

template <class T>
using BlockBody = decltype(&attend_block<T, 1>);

// attend_block for `count` queries or, by repeating the last, a few more.
template <class T>
BlockBody<T> block_body(uint32_t count) {
    switch (count) {
        case 1:
            return attend_block<T, 1>;
        case 2:
            return attend_block<T, 2>;
        case 3:
            return attend_block<T, 3>;
        case 4:
            return attend_block<T, 4>;
        case 5:
        case 6:
            return attend_block<T, 6>;
        case 7:
        case 8:
            return attend_block<T, std::min(kTogether, 8u)>;
        default:
            return attend_block<T, kTogether>;
    }
}

AERIE_INLINE float exp_of(float x) {
    float lanes[16];
    store(lanes, exp(set1(x)));
    return lanes[0];
}

// into += more, for one query.
AERIE_INLINE void merge(float* into, const float* more, uint32_t head_dim) {
    const float top = into[head_dim] > more[head_dim] ? into[head_dim] : more[head_dim];
    const float a = exp_of(into[head_dim] - top), b = exp_of(more[head_dim] - top);
    into[head_dim] = top;
    into[head_dim + 1] = into[head_dim + 1] * a + more[head_dim + 1] * b;
    for (uint32_t d = 0; d < head_dim; d += 16)
        store(into + d, fma(load(more + d), set1(b), mul(load(into + d), set1(a))));
}

}  // namespace aerie::cpu::AERIE_ISA
