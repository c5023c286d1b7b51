// The plans of a tape's attention ops, which layers share.
#pragma once
#include <deque>

#include "core/attention_plan.h"
#include "core/objects.h"

namespace aerie {

class AttentionPlans {
  public:
    // The plan of ops over `batch` with these heads. Stays where it is as long as this does.
    const AttentionPlan* of(const Batch& batch, uint32_t num_heads, uint32_t num_kv_heads) {
        for (const Entry& entry : entries_)
            if (entry.batch == &batch && entry.num_heads == num_heads && entry.num_kv_heads == num_kv_heads)
                return &entry.plan;
        return &entries_.emplace_back(Entry{&batch, num_heads, num_kv_heads, {}}).plan;
    }

    // Makes all plans anew for their batches as last written.
    void make(uint32_t num_workers) {
        for (auto& [batch, num_heads, num_kv_heads, plan] : entries_) {
            const AttentionRows rows{batch->segment_starts.data(), batch->visible.data(), batch->tree_masks.data(),
                                     batch->num_segments};
            plan_attention(plan, rows, num_heads, num_kv_heads, num_workers);
        }
    }

  private:
    struct Entry {
        const Batch* batch;
        uint32_t num_heads, num_kv_heads;
        AttentionPlan plan;
    };
    std::deque<Entry> entries_;
};

}  // namespace aerie
