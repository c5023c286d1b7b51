#include "core/attention_plan.h"

#include <algorithm>

namespace aerie {
namespace {

// Sets the places of an item's keys.
void find_keys(AttentionItem& item, const AttentionRows& rows, uint32_t group, uint32_t window) {
    const uint32_t first_row = item.first_row + item.first_pair / group;
    const uint32_t last_row = item.first_row + (item.first_pair + item.num_pairs - 1) / group;
    item.first_key = UINT32_MAX;
    item.end_key = 0;
    for (uint32_t row = first_row; row <= last_row; ++row) {
        const uint32_t places = uint32_t(rows.visible[row]) + uint32_t(__builtin_popcountll(rows.tree_masks[row]));
        item.first_key = std::min(item.first_key, first_place(places, window));
        item.end_key = std::max(item.end_key, places);
    }
}

// Split-KV: turns each item into one item per block of its keys. Goes backwards, so that no item is overwritten before
// it is read.
void split_items(std::vector<AttentionItem>& items, size_t num_blocks) {
    size_t left = items.size(), at = num_blocks;
    items.resize(num_blocks);
    while (left > 0) {
        const AttentionItem whole = items[--left];
        for (uint32_t block = whole.num_blocks; block-- > 0;) {
            AttentionItem& item = items[--at] = whole;
            item.first_block = whole.first_block + block;
            item.num_blocks = 1;
        }
    }
}

}  // namespace

void plan_attention(AttentionPlan& plan, const AttentionRows& rows, uint32_t num_heads, uint32_t num_kv_heads,
                    uint32_t window, uint32_t num_workers) {
    const uint32_t group = num_heads / num_kv_heads;
    size_t num_blocks = 0;
    plan.items.clear();
    plan.whole_segments = true;
    for (uint32_t segment = 0; segment < rows.num_segments; ++segment) {
        const uint32_t first_row = uint32_t(rows.segment_starts[segment]);
        const uint32_t all_pairs = (uint32_t(rows.segment_starts[segment + 1]) - first_row) * group;
        if (all_pairs > kMaxQueries) plan.whole_segments = false;
        for (uint32_t pair = 0; pair < all_pairs; pair += kMaxQueries) {
            const uint32_t num_pairs = std::min(all_pairs - pair, kMaxQueries);
            AttentionItem item{};
            item.segment = segment;
            item.first_row = first_row;
            item.first_pair = pair;
            item.num_pairs = num_pairs;
            find_keys(item, rows, group, window);
            item.first_block = item.top_block();
            item.num_blocks = item.all_blocks();
            for (; item.kv_head < num_kv_heads; ++item.kv_head, num_blocks += item.num_blocks) {
                item.first_partial = uint32_t(num_blocks);
                plan.items.push_back(item);
            }
        }
    }
    // Split-KV pays where whole items would leave workers idle at the end.
    const size_t num_items = plan.items.size();
    plan.splits = num_workers > 1 && num_items < size_t(4) * num_workers && num_blocks > num_items &&
                  num_blocks <= kMaxSplitBlocks;
    if (!plan.splits) return;
    plan.whole_segments = false;
    split_items(plan.items, num_blocks);
}

}  // namespace aerie
