#include <algorithm>
#include <cmath>

#include "attention_world.h"
#include "sim/report.h"

CASE(attention_to_prompts_agrees_with_float64) {
    for (const int32_t count : {1, 17, 63, 64, 65, 300})
        for (const bool splits : {false, true})
            expect_exact({.head_dim = 16, .splits = splits}, {causal_segment(0, count)});
    expect_exact({.num_heads = 3, .num_kv_heads = 1}, {causal_segment(0, 5), causal_segment(250, 20, 5000),
                                                       causal_segment(700, 1, 9000), causal_segment(15, 2, 11000)});
}

CASE(attention_takes_all_widths_and_types) {
    constexpr aerie_dtype kTypes[] = {AERIE_F32, AERIE_F16, AERIE_BF16};
    uint64_t i = 0;
    for (uint32_t dim = 16; dim <= 256; dim += 16)
        for (const bool splits : {false, true}) {
            const uint32_t kv_heads = 1 + i % 3, group = 1 + i % 5, page_size = i % 4 < 2 ? 48 : 16;
            ++i;
            expect_exact({.num_heads = kv_heads * group,
                          .num_kv_heads = kv_heads,
                          .head_dim = dim,
                          .page_size = page_size,
                          .dtype = kTypes[i % 3],
                          .splits = splits},
                         {causal_segment(int32_t(i * 37 % 300), 3), tree_segment(254, 5, i)});
        }
    // More heads share a KV head than a block has room for.
    expect_exact({.num_heads = 150, .num_kv_heads = 1, .head_dim = 256, .dtype = AERIE_F16}, {causal_segment(40, 2)});
    expect_exact({.num_heads = 7, .num_kv_heads = 1, .head_dim = 512}, {causal_segment(40, 18)});
}

CASE(attention_to_trees_agrees_with_float64) {
    for (const int32_t prefix : {0, 1, 15, 16, 240, 255, 256, 500})
        for (const bool splits : {false, true})
            expect_exact({.head_dim = 16, .splits = splits}, {tree_segment(prefix, 63, uint64_t(prefix) + 3)});
    expect_exact({}, {tree_segment(200, 64, 5), tree_segment(0, 7, 6), causal_segment(100, 33, 77000)});
}

// Of every path of the kernels some, for builds and schedules in which the others would take long.
CASE(attention_in_short_agrees_with_float64) {
    for (const bool splits : {false, true}) {
        expect_exact({.num_heads = 1, .num_kv_heads = 1, .head_dim = 16, .dtype = AERIE_F32, .splits = splits},
                     {causal_segment(0, 17), causal_segment(40, 1, 9000)});
        expect_exact({.num_heads = 6, .num_kv_heads = 2, .head_dim = 48, .page_size = 48, .splits = splits},
                     {tree_segment(251, 20, 3), causal_segment(530, 2, 9000)});
    }
    expect_exact({.num_heads = 280, .num_kv_heads = 1, .head_dim = 16, .dtype = AERIE_F16}, {causal_segment(4, 2)});
}

CASE(attention_to_no_rows_writes_nothing) {
    AttentionSetup setup;
    setup.more_rows = 4;
    EXPECT(attend(setup, {}).empty());
    EXPECT(attend(setup, {{key_numbers(20), {}}}).empty());
    // Segments without rows are no one's neighbours.
    expect_rows(setup, attend(setup, {causal_segment(20, 3)}),
                attend(setup, {{key_numbers(9), {}}, causal_segment(20, 3), {key_numbers(9), {}}}));
}

CASE(attention_is_the_same_in_any_chunks) {
    for (const uint32_t dim : {16u, 64u}) {
        const AttentionSetup setup = {.head_dim = dim};
        const std::vector<float> whole = attend(setup, {causal_segment(0, 300)});
        for (const int32_t size : {1, 17, 63, 64, 65, 256}) {
            if (dim == 64 && size > 63) continue;
            // Each chunk in a launch of its own; for single rows, some.
            for (int32_t first = 0; first < 300; first += size == 1 ? 29 : size) {
                const int32_t count = std::min(size, 300 - first);
                AttentionSetup other = setup;
                other.more_rows = uint32_t(first) % 5;
                expect_rows(setup, attend(other, {causal_segment(first, count)}), whole, size_t(first));
            }
        }
        // Chunks taken one after another by one block, and at the same time by several.
        AttentionSetup sequential = setup;
        sequential.splits = false;
        expect_rows(setup, attend(sequential, {causal_segment(0, 300)}), whole);
        expect_rows(setup, attend(sequential, {causal_segment(280, 20)}), whole, 280);
        sequential.more_rows = 1000;
        sequential.splits = true;
        expect_rows(setup, attend(sequential, {causal_segment(280, 20)}), whole, 280);
    }
}

CASE(attention_is_the_same_on_any_pages_beside_anyone) {
    const AttentionSetup setup = {.num_heads = 6, .num_kv_heads = 2};
    const AttentionSegment segment = tree_segment(520, 40, 3);
    const std::vector<float> alone = attend(setup, {segment});
    for (const uint64_t seed : {2, 3}) {
        for (const uint32_t page_size : {16u, 64u, 256u}) {
            AttentionSetup other = setup;
            other.page_seed = seed;
            other.page_size = page_size;
            expect_rows(setup, attend(other, {segment}), alone);
            const std::vector<float> beside =
                attend(other, {causal_segment(3, 7, 50000), segment, causal_segment(900, 1, 60000)});
            expect_rows(setup, alone, beside, 7);
        }
    }
    std::vector<AttentionSegment> many;
    for (uint32_t i = 0; i < 70; ++i) many.push_back(causal_segment(int32_t(i), 1 + int32_t(i % 3), i * 1000));
    const std::vector<float> all = attend(setup, many);
    size_t row = 0;
    for (uint32_t i = 0; i < 70; ++i) {
        if (i % 23 == 0) expect_rows(setup, attend(setup, {many[i]}), all, row);
        row += many[i].rows.size();
    }
}

// Chunks that blocks take at the same time are merged in the order of keys, whichever block ends first.
CASE(attention_is_the_same_in_any_order_of_blocks) {
    const AttentionSetup setup = {.num_heads = 2, .num_kv_heads = 1};
    std::vector<float> before;
    for (const char* order : {"forward", "reverse", "7"}) {
        sim::set_schedule(order);
        const std::vector<float> out = attend(setup, {causal_segment(1500, 3), tree_segment(700, 9, 3)});
        if (!before.empty()) EXPECT(same_bits(out.data(), before.data(), out.size()));
        before = out;
    }
}

// Weights are relative to the largest score, wherever that is.
CASE(attention_takes_scores_far_below_zero) {
    const AttentionSetup setup = {.num_heads = 2, .num_kv_heads = 1};
    AttentionSegment segment = causal_segment(0, 40);
    for (uint64_t& key : segment.keys) key |= kLargeKey;
    for (AttentionRow& row : segment.rows) row.query |= kOppositeQuery;
    for (const bool splits : {false, true}) {
        AttentionSetup other = setup;
        other.splits = splits;
        // Scores of this size keep four digits less.
        expect_near(attend(other, {segment}), attend_exactly(setup, {segment}), 1e-3);
    }
}

// Every node of a tree as if its path were the sequence, decoded one after another.
CASE(a_tree_is_the_same_as_straight_decoding) {
    for (const int32_t prefix : {0, 9, 200, 226, 240, 250, 255, 256, 470}) {
        const AttentionSetup setup = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 16};
        const AttentionSegment tree = tree_segment(prefix, 63, uint64_t(prefix) + 1);
        const std::vector<float> nodes = attend(setup, {tree});
        for (uint32_t node = 0; node < 63; node += node < 50 ? 7 : 3) {
            AttentionSegment straight;
            straight.keys.assign(tree.keys.begin(), tree.keys.begin() + prefix);
            for (uint64_t left = tree.rows[node].tree; left; left &= left - 1)
                straight.keys.push_back(tree.keys[size_t(prefix) + uint32_t(__builtin_ctzll(left))]);
            const auto count = int32_t(straight.keys.size());
            straight.rows = {{count - 1, 1, tree.rows[node].query}};
            expect_rows(setup, attend(setup, {straight}), nodes, node);
            // Itself counted among the visible ones, and drafted behind a shorter prefix.
            straight.rows = {{count, 0, tree.rows[node].query}};
            expect_rows(setup, attend(setup, {straight}), nodes, node);
        }
    }
}

CASE(attention_keeps_numbers_that_are_none_to_their_rows) {
    const AttentionSetup setup = {.num_heads = 2, .num_kv_heads = 1};
    for (const uint64_t what : {kNanKey, kInfiniteValue, kNanValue}) {
        AttentionSegment segment = causal_segment(0, 40), plain = segment;
        segment.keys[20] |= what;
        const std::vector<float> out = attend(setup, {segment});
        const std::vector<double> exact = attend_exactly(setup, {segment});
        expect_near(out, exact, kAttentionTolerance);
        // Rows that do not see the key are as if it were another one.
        expect_rows(setup, std::vector<float>(out.begin(), out.begin() + 20 * setup.row_floats()),
                    attend(setup, {plain}));
        EXPECT(std::any_of(exact.begin(), exact.end(), [](double each) { return !std::isfinite(each); }));
    }
    AttentionSegment tree = tree_segment(300, 20, 5);
    const std::vector<float> before = attend(setup, {tree});
    tree.keys[305] |= kNanKey;
    const std::vector<float> after = attend(setup, {tree});
    for (uint32_t node = 0; node < 20; ++node) {
        const size_t at = node * setup.row_floats();
        if (tree.rows[node].tree >> 5 & 1)
            EXPECT(std::isnan(after[at]));
        else
            EXPECT(same_bits(&before[at], &after[at], setup.row_floats()));
    }
    AttentionSegment infinite = causal_segment(300, 2);
    infinite.rows[1].query |= kInfiniteQuery;
    const std::vector<float> out = attend(setup, {infinite});
    expect_near(out, attend_exactly(setup, {infinite}), kAttentionTolerance);
}
