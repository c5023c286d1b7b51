// Paged attention: a loop over the items of the launch's plan (core/attention_plan.h). A row sees entries 0 ..
// visible-1 of its sequence and those of the next 64 whose bit is set in its tree mask. Keys are taken in blocks of
// 256, merged in order. A query's arithmetic depends neither on the other queries of the launch nor on how many threads
// compute its blocks.
#include "cpu/attention_block.h"

#include <algorithm>

namespace aerie::cpu::AERIE_ISA {
namespace {

// An attention op as one thread runs it.
template <class T>
class Attention {
  public:
    Attention(const Op& op, const Worker& worker)
        : op_(op), worker_(worker), plan_(*op.plan), dim_(op.kv->head_dim), group_(op.num_heads / op.kv->num_kv_heads) {
        if (op.quantized_out) quantized_ = op.quantized_out->layout(op.rows->num_rows, op.out->cols);
    }

    // Takes items until none are left. With fused rope and kv_store, each item rotates and stores its own rows, unless
    // other items read them too.
    void run() const {
        if (op_.angles && !plan_.whole_segments) {
            store_all();
            if (plan_.splits) rotate_all();
            worker_.barrier();
        }
        for (uint32_t at; (at = op_.cursor->fetch_add(1, std::memory_order_relaxed)) < plan_.items.size();) {
            const AttentionItem& item = plan_.items[at];
            if (op_.angles && plan_.whole_segments) {
                const uint32_t num_rows = (item.num_pairs + group_ - 1) / group_;
                for (uint32_t i = 0; i < num_rows; ++i) rotate_and_store(item.first_row + i, item.kv_head);
            }
            if (op_.angles && !plan_.splits) rotate_queries(item);
            // The item that this thread will probably take next: every other thread takes one before.
            const uint32_t next = at + worker_.num_threads;
            attend(item, next < plan_.items.size() ? &plan_.items[next] : nullptr);
        }
    }

  private:
    // Rotates and stores the key of one row and KV head, and stores its value.
    void rotate_and_store(size_t row, uint32_t kv_head) const {
        float* key = floats(*op_.x, worker_) + row * op_.x->cols + (op_.num_heads + kv_head) * dim_;
        const auto slot = uint32_t(op_.rows->slots[row]);
        rotate_head(key, row);
        store_kv<T>(*op_.kv, op_.layer, slot, kv_head, key, key + op_.kv->num_kv_heads * dim_);
    }

    // Rotates and stores the keys of all rows. Threads share them by KV head and runs of rows, since the keys of
    // neighbouring rows lie in the same cache lines.
    void store_all() const {
        const uint32_t num_rows = op_.rows->num_rows, kv_heads = op_.kv->num_kv_heads, runs = (num_rows + 15) / 16;
        uint32_t first, last;
        worker_.share(runs * kv_heads, first, last);
        for (uint32_t i = first; i < last; ++i) {
            const uint32_t begin = i / kv_heads * 16, end = std::min(begin + 16, num_rows);
            for (uint32_t row = begin; row < end; ++row) rotate_and_store(row, i % kv_heads);
        }
    }

    // Rotates the queries of all items, each by the item of its first block.
    void rotate_all() const {
        uint32_t first, last;
        worker_.share(uint32_t(plan_.items.size()), first, last);
        for (uint32_t i = first; i < last; ++i)
            if (plan_.items[i].first_block == plan_.items[i].top_block()) rotate_queries(plan_.items[i]);
    }

    void rotate_queries(const AttentionItem& item) const {
        for (uint32_t i = 0; i < item.num_pairs; ++i) rotate_head(query(item, i).q, row_of(item, i));
    }

    void rotate_head(float* head, size_t row) const {
        const uint32_t width = op_.angles->cols;
        rotate(head, floats(*op_.angles, worker_) + row * width, width / 2);
    }

    size_t row_of(const AttentionItem& item, uint32_t i) const {
        return item.first_row + (item.first_pair + i) / group_;
    }
    uint32_t head_of(const AttentionItem& item, uint32_t i) const {
        return item.kv_head * group_ + (item.first_pair + i) % group_;
    }

    Query query(const AttentionItem& item, uint32_t i) const {
        const size_t row = row_of(item, i), head = head_of(item, i);
        return {floats(*op_.x, worker_) + row * op_.x->cols + head * dim_,
                floats(*op_.out, worker_) + row * op_.out->cols + head * dim_, op_.rows->visible[row],
                op_.rows->tree_masks[row]};
    }

    Pages<T> pages(const AttentionItem& item) const {
        const KvPool& kv = *op_.kv;
        const T* keys = numbers<const T>(kv) + page_offset(kv, op_.layer, 0, item.kv_head);
        const int32_t* table = op_.rows->page_table + size_t(item.segment) * op_.rows->pages_per_segment;
        return {keys, keys + values_offset(kv), table, kv.page_size, dim_, page_offset(kv, 0, 1, 0)};
    }

    Upcoming<T> upcoming(const AttentionItem& item, uint32_t block) const {
        const uint32_t first = block * kKeysPerBlock;
        return {pages(item), std::max(first, item.first_key / 16 * 16), std::min(item.end_key, first + kKeysPerBlock)};
    }

    // Attends to the blocks of an item, one after another, and merges them; with split-KV the thread that finishes the
    // last block of the same queries merges all of theirs.
    void attend(const AttentionItem& item, const AttentionItem* next) const {
        const uint32_t partials = kMaxQueries * partial_stride(dim_), end = item.first_block + item.num_blocks;
        float *sums = worker_.scratch->attention, *more = sums + partials, *rest = more + partials;
        float* const all = plan_.splits ? op_.splits->partials() + size_t(item.first_partial) * partials : sums;
        if (plan_.splits) sums = all + size_t(item.first_block - item.top_block()) * partials;
        Query queries[kMaxQueries];
        for (uint32_t i = 0; i < item.num_pairs; ++i) {
            Query& q = queries[i] = query(item, i);
            // Tree keys without gaps are treated as plain context: they extend `visible`.
            if (!(q.tree & (q.tree + 1))) q.visible += __builtin_popcountll(q.tree), q.tree = 0;
            if (op_.window) keep_window(q, op_.window);
        }
        for (uint32_t block = item.first_block; block < end; ++block) {
            float* partial = block == item.first_block ? sums : more;
            attend_one(item, queries, block, partial, rest,
                       block + 1 < end ? upcoming(item, block + 1)
                       : next          ? upcoming(*next, next->first_block)
                                       : Upcoming<T>{});
            if (partial == more) merge_all(item, queries, block, sums, more);
        }
        if (plan_.splits) {
            std::atomic<uint32_t>& num_done = op_.splits->num_done[item.first_partial];
            if (num_done.fetch_add(1, std::memory_order_acq_rel) + 1 < item.all_blocks()) return;
            num_done.store(0, std::memory_order_relaxed);
            for (uint32_t i = 1; i < item.all_blocks(); ++i)
                merge_all(item, queries, item.top_block() + i, all, all + size_t(i) * partials);
        }
        finish(item, queries, all);
    }

    // partials [num_pairs, partial_stride] of one block.
    void attend_one(const AttentionItem& item, const Query* all, uint32_t block, float* partials, float* scratch,
                    const Upcoming<T>& upcoming) const {
        const uint32_t first = block * kKeysPerBlock;
        const Scoring scoring = {op_.scalar, op_.soft_cap};
        for (uint32_t done = 0; done < item.num_pairs; done += kTogether) {
            Query queries[kTogether];
            KeyRange keys = {kKeysPerBlock, 0};
            for (uint32_t i = 0; i < kTogether; ++i) {
                queries[i] = part_in_block(all[std::min(done + i, item.num_pairs - 1)], int32_t(first));
                keys.begin = std::min(keys.begin, skipped(queries[i], first));
                keys.end = std::max(keys.end, reach(queries[i], first));
            }
            // The remaining queries read the same keys again, so only the last group prefetches the next ones.
            const bool last = done + kTogether >= item.num_pairs;
            block_body<T>(std::min(kTogether, item.num_pairs - done))(partials + done * partial_stride(dim_),
                                                                      pages(item), queries, scoring, first, keys,
                                                                      scratch, last ? upcoming : Upcoming<T>{});
        }
    }

    // into += the partial results `more` of a block. Queries that do not see it stay as they are; those that see none
    // before take it over.
    void merge_all(const AttentionItem& item, const Query* queries, uint32_t block, float* into,
                   const float* more) const {
        const uint32_t stride = partial_stride(dim_);
        for (uint32_t i = 0; i < item.num_pairs; ++i) {
            if (!queries[i].sees_block(block)) continue;
            if (queries[i].sees_block(block - 1))
                merge(into + i * stride, more + i * stride, dim_);
            else
                memcpy(into + i * stride, more + i * stride, stride * sizeof(float));
        }
    }

    // Divides by the mass, the sum of the exponentials; writes the output, quantized if the op has a quantized output.
    void finish(const AttentionItem& item, const Query* queries, const float* partials) const {
        for (uint32_t i = 0; i < item.num_pairs; ++i) {
            const float* partial = partials + i * partial_stride(dim_);
            float* out = queries[i].out;
            for (uint32_t d = 0; d < dim_; d += 16) store(out + d, div(load(partial + d), set1(partial[dim_ + 1])));
            if (!op_.quantized_out) continue;
            for (uint32_t d = 0; d < dim_; d += kBlock)
                quantize_block(load(out + d), load(out + d + 16), quantized_, uint32_t(row_of(item, i)),
                               (head_of(item, i) * dim_ + d) / kBlock);
        }
    }

    const Op& op_;
    const Worker& worker_;
    const AttentionPlan& plan_;
    const uint32_t dim_, group_;
    QuantizedRows quantized_;
};

}  // namespace

void attention(const Op& op, const Worker& worker) {
    switch (op.kv->dtype) {
        case AERIE_F32:
            return Attention<float>(op, worker).run();
        case AERIE_F16:
            return Attention<Float16>(op, worker).run();
        default:
            return Attention<Bfloat16>(op, worker).run();
    }
}

}  // namespace aerie::cpu::AERIE_ISA
