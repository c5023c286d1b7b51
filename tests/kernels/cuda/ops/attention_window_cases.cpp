// Attention of layers with a window, with and without a soft cap of scores.
#include <algorithm>
#include <cmath>

#include "attention_world.h"
#include "sim/report.h"

namespace {

constexpr uint32_t kWindows[] = {1, 15, 16, 17, 64, 256, 300, 5000};

// The row of a tree as it would be decoded behind its ancestors.
AttentionSegment straight_path(const AttentionSegment& tree, int32_t prefix, uint32_t node) {
    AttentionSegment straight;
    straight.keys.assign(tree.keys.begin(), tree.keys.begin() + prefix);
    for (uint64_t left = tree.rows[node].tree; left; left &= left - 1)
        straight.keys.push_back(tree.keys[size_t(prefix) + uint32_t(__builtin_ctzll(left))]);
    straight.rows = {{int32_t(straight.keys.size()), 0, tree.rows[node].query}};
    return straight;
}

}  // namespace

CASE(attention_in_windows_agrees_with_float64) {
    uint32_t i = 0;
    for (const uint32_t window : kWindows)
        for (const float cap : {0.0f, 3.0f}) {
            const AttentionSetup setup = {.num_heads = 2 * (1 + i % 5),
                                          .head_dim = 16 * (1 + i % 3),
                                          .splits = i++ % 3 != 0,
                                          .window = window,
                                          .soft_cap = cap};
            expect_exact(setup, {causal_segment(0, 30), tree_segment(3, 40, 3), causal_segment(530, 2, 5000),
                                 tree_segment(250, 64, 5)});
        }
    // No window, and scores that are nearly capped.
    expect_exact({.soft_cap = 50}, {causal_segment(0, 30), tree_segment(250, 20, 3)});
}

CASE(attention_in_windows_is_the_same_however_rows_come) {
    for (const uint32_t window : {1u, 17u, 100u, 257u}) {
        const AttentionSetup setup = {.num_heads = 3, .num_kv_heads = 1, .head_dim = 16, .window = window, .soft_cap = 2};
        const std::vector<float> whole = attend(setup, {causal_segment(0, 600)});
        for (const auto& [first, count] : {std::pair{0, 1}, {0, 40}, {255, 1}, {256, 3}, {271, 60}, {500, 100}, {599, 1}})
            for (const bool splits : {false, true}) {
                AttentionSetup other = setup;
                other.splits = splits;
                other.page_size = splits ? 16 : 64;
                other.page_seed = uint64_t(count) + 1;
                other.more_rows = splits ? 0 : 500;
                expect_rows(setup, attend(other, {causal_segment(first, count)}), whole, size_t(first));
                const std::vector<float> beside = attend(
                    other, {causal_segment(900, 1, 50000), causal_segment(first, count), causal_segment(0, 3, 60000)});
                const size_t row = setup.row_floats();
                expect_rows(setup, {beside.begin() + ptrdiff_t(row), beside.end() - ptrdiff_t(3 * row)}, whole,
                            size_t(first));
            }
    }
}

CASE(a_tree_in_a_window_is_the_same_as_straight_decoding) {
    for (const uint32_t window : {1u, 5u, 16u, 40u, 256u, 290u})
        for (const int32_t prefix : {0, 9, 226, 250, 256, 470}) {
            const AttentionSetup setup = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 16, .window = window};
            const AttentionSegment tree = tree_segment(prefix, 63, uint64_t(prefix) + 1);
            const std::vector<float> nodes = attend(setup, {tree});
            for (uint32_t node = 0; node < 63; node += node < 50 ? 11 : 4)
                expect_rows(setup, attend(setup, {straight_path(tree, prefix, node)}), nodes, node);
        }
}

// What lies before a window is not even multiplied by 0.
CASE(attention_in_windows_keeps_numbers_that_are_none_before_them) {
    for (const uint64_t what : {kNanKey, kInfiniteValue, kNanValue}) {
        const AttentionSetup setup = {.num_heads = 2, .num_kv_heads = 1, .window = 20};
        AttentionSegment segment = causal_segment(0, 400), plain = segment;
        segment.keys[250] |= what;
        const std::vector<float> out = attend(setup, {segment}), expected = attend(setup, {plain});
        const size_t row = setup.row_floats();
        EXPECT(same_bits(out.data(), expected.data(), 250 * row));
        EXPECT(same_bits(&out[270 * row], &expected[270 * row], 130 * row));
        for (size_t i = 250; i < 270; ++i)
            EXPECT(std::any_of(&out[i * row], &out[(i + 1) * row], [](float each) { return !std::isfinite(each); }));
    }
}

CASE(keys_before_a_window_are_not_read) {
    EXPECT(sim::is_checked());
    for (const uint32_t window : {1u, 100u, 256u, 700u})
        for (const bool splits : {false, true}) {
            const AttentionSetup setup = {.num_heads = 4, .num_kv_heads = 2, .splits = splits, .window = window};
            sim::forget();
            attend(setup, {causal_segment(3000, 1)});
            EXPECT(pool_bytes_read() == uint64_t(window) * 2 * 2 * setup.head_dim * 2);
        }
}
