// Plans attention of random batches and checks the array: every pair of a row and a query head meets every block of its
// keys exactly once, in order. Prints "N plans hold" or the first fault, exit status 1.
#include "core/attention_plan.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>

namespace {

using namespace aerie;

uint32_t state = 1;
uint32_t next() { return state = state * 1664525u + 1013904223u, state >> 8; }
uint32_t between(uint32_t least, uint32_t most) { return least + next() % (most - least + 1); }

int num_plans = 0;
void expect(bool good, const char* what) {
    if (good) return;
    printf("plan %d: %s\n", num_plans, what);
    exit(1);
}

struct Sequences {
    std::vector<int32_t> starts = {0}, visible;
    std::vector<uint64_t> masks;

    AttentionRows rows() const {
        return {starts.data(), visible.data(), masks.data(), uint32_t(starts.size() - 1)};
    }
    uint32_t keys_of(uint32_t row) const {
        return uint32_t(visible[row]) + uint32_t(__builtin_popcountll(masks[row]));
    }
};

// Lines and trees of 0 to `most_rows` rows behind contexts of 0 to `most_context` entries.
Sequences random_sequences(uint32_t num_segments, uint32_t most_rows, uint32_t most_context) {
    Sequences s;
    for (uint32_t segment = 0; segment < num_segments; ++segment) {
        const uint32_t context = between(0, most_context), num_rows = between(0, most_rows);
        const bool is_tree = next() % 2 && num_rows <= 64;
        for (uint32_t row = 0; row < num_rows; ++row) {
            s.visible.push_back(int32_t(is_tree ? context : context + row + 1));
            s.masks.push_back(is_tree ? uint64_t(1) << row | (uint64_t(next()) & ((uint64_t(1) << row) - 1)) : 0);
        }
        s.starts.push_back(int32_t(s.visible.size()));
    }
    return s;
}

std::tuple<uint32_t, uint32_t, uint32_t, uint32_t> order(const AttentionItem& item) {
    return {item.segment, item.first_pair, item.kv_head, item.first_block};
}

void check(const Sequences& s, uint32_t group, uint32_t num_kv_heads, uint32_t window, uint32_t num_workers,
           AttentionPlan& plan) {
    ++num_plans;
    plan_attention(plan, s.rows(), group * num_kv_heads, num_kv_heads, window, num_workers);
    const auto first_key = [&](uint32_t row) {
        const uint32_t keys = s.keys_of(row);
        return window && keys > window ? keys - window : 0;
    };
    std::set<std::tuple<uint32_t, uint32_t, uint32_t>> met;  // row, query head, block
    std::map<uint32_t, std::tuple<uint32_t, uint32_t, uint32_t>> partials;
    bool whole_segments = true;
    size_t num_blocks = 0;
    for (size_t i = 0; i < plan.items.size(); ++i) {
        const AttentionItem& item = plan.items[i];
        if (i) expect(order(plan.items[i - 1]) < order(item), "items are out of order");
        expect(item.first_row == uint32_t(s.starts[item.segment]), "first_row is not the segment's");
        expect(item.num_pairs >= 1 && item.num_pairs <= kMaxQueries, "pairs of an item");
        const uint32_t num_rows = uint32_t(s.starts[item.segment + 1]) - item.first_row;
        if (item.num_pairs != num_rows * group) whole_segments = false;
        expect(plan.splits ? item.num_blocks == 1
                           : item.first_block == item.top_block() && item.num_blocks == item.all_blocks(),
               "blocks of an item");
        uint32_t least = UINT32_MAX, most = 0;
        for (uint32_t pair = item.first_pair; pair < item.first_pair + item.num_pairs; ++pair) {
            expect(pair < num_rows * group, "a pair past its segment");
            const uint32_t row = item.first_row + pair / group, head = item.kv_head * group + pair % group;
            most = std::max(most, s.keys_of(row));
            least = std::min(least, first_key(row));
            for (uint32_t block = 0; block < item.num_blocks; ++block)
                expect(met.emplace(row, head, item.first_block + block).second, "a block is met twice");
        }
        expect(item.first_key == least && item.end_key == most, "keys are not those that some pair sees");
        expect(item.top_block() * kKeysPerBlock <= least &&
                   (item.top_block() + item.all_blocks()) * kKeysPerBlock < most + kKeysPerBlock,
               "blocks that no pair sees");
        for (uint32_t block = item.first_block; block < item.first_block + item.num_blocks; ++block) {
            const auto queries = std::make_tuple(item.segment, item.first_pair, item.kv_head);
            expect(partials.emplace(item.first_partial + block - item.top_block(), queries).second, "a partial result has two owners");
            ++num_blocks;
        }
    }
    for (uint32_t row = 0; row < s.visible.size(); ++row)
        for (uint32_t head = 0; head < group * num_kv_heads; ++head)
            for (uint32_t block = first_key(row) / kKeysPerBlock; block * kKeysPerBlock < s.keys_of(row); ++block)
                expect(met.count({row, head, block}), "a block is not met");
    expect(plan.whole_segments == (whole_segments && !plan.splits), "whole_segments");
    if (plan.splits)
        expect(num_workers > 1 && num_blocks <= kMaxSplitBlocks && partials.rbegin()->first < kMaxSplitBlocks,
               "a split that is not allowed");
}

// The items of a plan with the blocks of split ones put together again.
std::vector<AttentionItem> whole_items(const AttentionPlan& plan) {
    std::vector<AttentionItem> items;
    for (const AttentionItem& item : plan.items) {
        if (item.first_block == item.top_block()) items.push_back(item);
        items.back().num_blocks = items.back().all_blocks();
    }
    return items;
}

}  // namespace

int main() {
    AttentionPlan plan, alone;  // used again, as a tape does
    bool has_split = false, has_whole = false;
    for (int i = 0; i < 300; ++i) {
        const Sequences s = random_sequences(between(1, 6), i % 3 ? 70 : 3, i % 2 ? 3000 : 40);
        const uint32_t group = between(1, 9), num_kv_heads = between(1, 4);
        constexpr uint32_t kWindows[] = {0, 1, 15, 16, 17, 255, 256, 257, 600, 100000};
        const uint32_t window = kWindows[i % 10];
        check(s, group, num_kv_heads, window, 1, alone);
        expect(!alone.splits, "one worker splits");
        for (const uint32_t num_workers : {2u, 3u, 16u}) {
            check(s, group, num_kv_heads, window, num_workers, plan);
            has_split |= plan.splits;
            has_whole |= plan.whole_segments;
            const auto a = whole_items(alone), b = whole_items(plan);
            expect(a.size() == b.size(), "the number of workers changes which queries go together");
            for (size_t n = 0; n < a.size(); ++n)
                expect(order(a[n]) == order(b[n]) && a[n].num_pairs == b[n].num_pairs && a[n].first_key == b[n].first_key &&
                           a[n].end_key == b[n].end_key,
                       "the number of workers changes an item");
        }
    }
    const Sequences one = {{0, 1}, {100000}, {0}};
    check(one, 4, 8, 0, 64, plan);
    expect(!plan.splits, "more blocks than there is room for are split");
    check(one, 4, 8, 300, 64, plan);
    expect(plan.items.size() == 8 * 2 && plan.splits, "a window costs more than its blocks");
    const Sequences none = {{0, 0}, {}, {}};
    check(none, 4, 8, 0, 64, plan);
    expect(plan.items.empty() && has_split && has_whole, "not every kind of plan was seen");
    printf("%d plans hold\n", num_plans);
}
