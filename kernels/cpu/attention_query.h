// What a query sees of the keys of its sequence.
//
// That is a straight line of keys, then those of its tree mask. It counts the latter as if they followed without gaps:
// its blocks and the lanes that its sums run in are those of straight decoding, and so is every bit of its result. In a
// layer with a window it sees the last ones in this order.
#pragma once
#include <algorithm>

#include "core/attention_plan.h"
#include "cpu/simd/simd.h"

namespace aerie::cpu::AERIE_ISA {

struct Query {
    float* q;  // [head_dim]
    float* out;
    int32_t visible;
    uint64_t tree;      // 0 if the keys seen have no gaps
    int32_t first = 0;  // place of the first key seen; those of the tree before it are not in `tree`

    // Behind the place of the last key.
    AERIE_INLINE int32_t end() const { return std::max(first, visible) + __builtin_popcountll(tree); }
    AERIE_INLINE bool sees_block(uint32_t block) const {
        return uint32_t(first) / kKeysPerBlock <= block && block * kKeysPerBlock < uint32_t(end());
    }
};

// Restricts a query to the last `window` of the places that it sees.
AERIE_INLINE void keep_window(Query& query, uint32_t window) {
    query.first = int32_t(first_place(uint32_t(query.end()), window));
    for (int32_t place = query.visible; place < query.first && query.tree; ++place) query.tree &= query.tree - 1;
}

// Keys of a block, counted from its first: begin, a multiple of 16, to end - 1.
struct KeyRange {
    uint32_t begin, end;
};

// Bits of the 16 keys from `key` on that the query sees.
AERIE_INLINE uint32_t seen_mask(const Query& query, int32_t key) {
    // The place of a key of the tree is at most its index, so this hides none that is still in `tree`.
    const int32_t before = query.first - key;
    if (before >= 16) return 0;
    const uint32_t in_window = before > 0 ? 0xffff & (~0u << before) : 0xffff;
    const int32_t whole = query.visible - key;
    if (whole >= 16) return in_window;
    if (whole <= 0) return whole <= -64 ? 0 : uint32_t(query.tree >> -whole) & in_window;
    return (((1u << whole) - 1) | uint32_t(query.tree << whole)) & in_window;
}

// The query restricted to the keys of the block that begins at `first`.
AERIE_INLINE Query part_in_block(Query query, int32_t first) {
    const int32_t end = first + int32_t(kKeysPerBlock);
    if (query.first >= end) query.visible = 0, query.tree = 0;
    int32_t place = std::max(query.first, query.visible);
    for (uint64_t left = query.tree; left; left &= left - 1, ++place)
        if (place < first || place >= end) query.tree &= ~(left & -left);
    // A tree that has a place in this block begins in it or before.
    query.visible = query.visible < end ? query.visible : end;
    return query;
}

// Number of keys from the block's first, in whole groups of 16, that the query sees none of.
AERIE_INLINE uint32_t skipped(const Query& query, uint32_t first) {
    return query.first > int32_t(first) ? (uint32_t(query.first) - first) / 16 * 16 : 0;
}

// Number of keys from `first` to the last one that the query sees.
AERIE_INLINE uint32_t reach(const Query& query, uint32_t first) {
    const int32_t end = query.visible + (query.tree ? 64 - __builtin_clzll(query.tree) : 0);
    return end > int32_t(first) ? uint32_t(end) - first : 0;
}

}  // namespace aerie::cpu::AERIE_ISA
