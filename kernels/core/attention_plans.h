// The plans of a tape's attention ops, which layers share.
#pragma once
#include <deque>

#include "core/attention_plan.h"
#include "core/objects.h"

namespace aerie {

// The plan for a batch as last written.
inline void plan_batch(AttentionPlan& plan, const Batch& batch, uint32_t num_heads, uint32_t num_kv_heads,
                       uint32_t window, uint32_t num_workers) {
    const BatchArrays arrays = batch.block().arrays();
    const AttentionRows rows{arrays.segment_starts, arrays.visible, arrays.tree_masks, arrays.num_segments};
    plan_attention(plan, rows, num_heads, num_kv_heads, window, num_workers);
}

class AttentionPlans {
  public:
    // The plan of attention ops over `batch` with these heads and this window; the pointer is valid as long as this
    // object.
    const AttentionPlan* of(const Batch& batch, uint32_t num_heads, uint32_t num_kv_heads, uint32_t window) {
        for (const Entry& entry : entries_)
            if (entry.batch == &batch && entry.num_heads == num_heads && entry.num_kv_heads == num_kv_heads &&
                entry.window == window)
                return &entry.plan;
        return &entries_.emplace_back(Entry{&batch, num_heads, num_kv_heads, window, {}}).plan;
    }

    // Plans every batch anew, as last written.
    void make(uint32_t num_workers) {
        for (auto& [batch, num_heads, num_kv_heads, window, plan] : entries_)
            plan_batch(plan, *batch, num_heads, num_kv_heads, window, num_workers);
    }

  private:
    struct Entry {
        const Batch* batch;
        uint32_t num_heads, num_kv_heads, window;
        AttentionPlan plan;
    };
    std::deque<Entry> entries_;
};

}  // namespace aerie
