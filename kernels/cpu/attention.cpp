// Paged attention. A row sees entries 0 .. visible-1 of its sequence and those of the next 64 whose bit is set in its
// tree mask. Queries that read the same keys go together, up to 12; keys are taken in blocks of 256, merged in order. A
// query's arithmetic is the same whoever its neighbours are and whether one thread or several do its blocks.
#include "cpu/attention_block.h"

#include <algorithm>

namespace aerie::cpu::AERIE_ISA {
namespace {

// Rotates and stores the key of one row and KV head, and stores its value.
template <class T>
void rotate_and_store(const Op& op, size_t row, uint32_t kv_head) {
    const uint32_t dim = op.kv->head_dim;
    float* key = op.x->data + row * op.x->cols + (op.num_heads + kv_head) * dim;
    rotate(key, op.angles->data + row * dim, dim / 2);
    store_kv<T>(*op.kv, op.layer, uint32_t(op.batch->slots.data()[row]), kv_head, key, key + op.kv->num_kv_heads * dim);
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

// Up to 12 (row, head) pairs of one segment and one KV head, and what they read.
template <class T>
struct Item {
    Pages<T> pages;
    Query queries[kMaxQueries];
    uint32_t first_row, kv_head, first_pair, num_pairs, num_keys;

    uint32_t num_blocks() const { return (num_keys + kKeysPerBlock - 1) / kKeysPerBlock; }
    Upcoming<T> upcoming(uint32_t block) const {
        const uint32_t first = block * kKeysPerBlock;
        return {pages, first, num_keys > first ? std::min(num_keys - first, kKeysPerBlock) : 0};
    }
};

template <class T>
Item<T> make_item(const Op& op, uint32_t segment, uint32_t kv_head, uint32_t first_pair, uint32_t num_pairs) {
    const KvPool& kv = *op.kv;
    const Batch& batch = *op.batch;
    const uint32_t dim = kv.head_dim, group = op.num_heads / kv.num_kv_heads;
    const size_t base = page_offset(kv, op.layer, 0, kv_head);
    Item<T> item;
    const T* keys = reinterpret_cast<const T*>(kv.memory.data()) + base;
    item.pages = {keys,
                  keys + values_offset(kv),
                  batch.page_table.data() + size_t(segment) * batch.pages_per_segment,
                  kv.page_size,
                  dim,
                  page_offset(kv, 0, 1, 0)};
    item.first_row = uint32_t(batch.segment_starts.data()[segment]);
    item.kv_head = kv_head;
    item.first_pair = first_pair;
    item.num_pairs = num_pairs;
    item.num_keys = 0;
    for (uint32_t i = 0; i < num_pairs; ++i) {
        const uint32_t head = kv_head * group + (first_pair + i) % group;
        const size_t row = item.first_row + (first_pair + i) / group;
        const uint64_t tree = batch.tree_masks.data()[row];
        item.queries[i] = {op.x->data + row * op.x->cols + head * dim, op.out->data + row * op.out->cols + head * dim,
                           batch.visible.data()[row], tree};
        Query& query = item.queries[i];
        const uint32_t num_seen = uint32_t(query.visible) + uint32_t(__builtin_popcountll(tree));
        if (num_seen > item.num_keys) item.num_keys = num_seen;
        if (!(tree & (tree + 1))) query.visible = int32_t(num_seen), query.tree = 0;
    }
    return item;
}

template <class T>
void rotate_queries(const Op& op, const Item<T>& item) {
    const uint32_t dim = op.kv->head_dim, group = op.num_heads / op.kv->num_kv_heads;
    for (uint32_t i = 0; i < item.num_pairs; ++i) {
        const size_t row = item.first_row + (item.first_pair + i) / group;
        rotate(item.queries[i].q, op.angles->data + row * dim, dim / 2);
    }
}

template <class T>
void attend(const Item<T>& item, uint32_t block, float scale, float* partials, float* scratch,
            const Upcoming<T>& upcoming) {
    constexpr uint32_t kTogether = kManyRegisters ? 12 : 6;
    const uint32_t first = block * kKeysPerBlock, stride = partial_stride(item.pages.head_dim);
    for (uint32_t done = 0; done < item.num_pairs; done += kTogether) {
        Query queries[kTogether];
        uint32_t count = 0;
        for (uint32_t i = 0; i < kTogether; ++i) {
            // Queries are rounded up to a compiled number by repeating the last.
            queries[i] = part_in_block(item.queries[std::min(done + i, item.num_pairs - 1)], int32_t(first));
            count = std::max(count, reach(queries[i], first));
        }
        // The keys are read again by the queries that are left.
        const bool last = done + kTogether >= item.num_pairs;
        const Upcoming<T> next = last ? upcoming : Upcoming<T>{};
        const auto run = [&](auto body) {
            body(partials + done * stride, item.pages, queries, scale, first, count, scratch, next);
        };
        switch (std::min(kTogether, item.num_pairs - done)) {
            case 1:
                run(attend_block<T, 1>);
                break;
            case 2:
                run(attend_block<T, 2>);
                break;
            case 3:
                run(attend_block<T, 3>);
                break;
            case 4:
                run(attend_block<T, 4>);
                break;
            case 5:
            case 6:
                run(attend_block<T, 6>);
                break;
            case 7:
            case 8:
                run(attend_block < T, kTogether < 8 ? kTogether : 8 >);
                break;
            default:
                run(attend_block<T, kTogether>);
        }
    }
}

// Divides by the mass; writes the output, and hands it over quantised if asked to.
template <class T>
void finish(const Op& op, const Item<T>& item, const float* partials) {
    const uint32_t dim = op.kv->head_dim, group = op.num_heads / op.kv->num_kv_heads;
    Activations handed_over;
    if (op.handed_over) handed_over = op.handed_over->layout(rows_of(*op.out), op.out->cols);
    for (uint32_t i = 0; i < item.num_pairs; ++i) {
        const float* partial = partials + i * partial_stride(dim);
        float* out = item.queries[i].out;
        for (uint32_t d = 0; d < dim; d += 16) store(out + d, div(load(partial + d), set1(partial[dim + 1])));
        if (!op.handed_over) continue;
        const uint32_t pair = item.first_pair + i, head = item.kv_head * group + pair % group;
        for (uint32_t d = 0; d < dim; d += kBlock)
            quantise_block(load(out + d), load(out + d + 16), handed_over, item.first_row + pair / group,
                           (head * dim + d) / kBlock);
    }
}

// All blocks of an item, one after another; `next` is what the thread will probably do then.
template <class T>
void attend_item(const Op& op, const Worker& worker, const Item<T>& item, const Item<T>& next) {
    const auto upcoming = [&](uint32_t block) {
        return block < item.num_blocks() ? item.upcoming(block) : next.upcoming(0);
    };
    const uint32_t stride = partial_stride(op.kv->head_dim);
    float *sums = worker.scratch->attention, *more = sums + kMaxQueries * stride, *rest = more + kMaxQueries * stride;
    attend(item, 0, op.scalar, sums, rest, upcoming(1));
    for (uint32_t block = 1; block < item.num_blocks(); ++block) {
        attend(item, block, op.scalar, more, rest, upcoming(block + 1));
        for (uint32_t i = 0; i < item.num_pairs; ++i) merge(sums + i * stride, more + i * stride, op.kv->head_dim);
    }
    finish(op, item, sums);
}

// One block of an item; whoever finishes the last one merges them all, in order.
template <class T>
void attend_split(const Op& op, const Worker& worker, const Item<T>& item, uint32_t index, uint32_t first_partial,
                  uint32_t block, const Upcoming<T>& upcoming) {
    const uint32_t stride = partial_stride(op.kv->head_dim);
    const size_t item_floats = size_t(kMaxQueries) * stride;
    float* partials = op.splits->partials() + first_partial * item_floats;
    attend(item, block, op.scalar, partials + block * item_floats, worker.scratch->attention, upcoming);
    if (op.splits->num_done[index].fetch_add(1, std::memory_order_acq_rel) + 1 < item.num_blocks()) return;
    op.splits->num_done[index].store(0, std::memory_order_relaxed);
    for (uint32_t other = 1; other < item.num_blocks(); ++other)
        for (uint32_t i = 0; i < item.num_pairs; ++i)
            merge(partials + i * stride, partials + other * item_floats + i * stride, op.kv->head_dim);
    finish(op, item, partials);
}

// Calls body(index, make) for every item of the batch; make(n) gives the item n places on, one without keys behind the
// last.
template <class T, class Body>
void for_items(const Op& op, Body&& body) {
    const Batch& batch = *op.batch;
    const int32_t* starts = batch.segment_starts.data();
    const uint32_t kv_heads = op.kv->num_kv_heads, group = op.num_heads / kv_heads;
    uint32_t index = 0;
    const auto num_pairs = [&](uint32_t segment) { return uint32_t(starts[segment + 1] - starts[segment]) * group; };
    for (uint32_t segment = 0; segment < batch.num_segments; ++segment)
        for (uint32_t pair = 0; pair < num_pairs(segment); pair += kMaxQueries)
            for (uint32_t head = 0; head < kv_heads; ++head)
                body(index++, [&](uint32_t n = 0) {
                    uint32_t at = segment, first = pair + (head + n) / kv_heads * kMaxQueries;
                    for (; at < batch.num_segments && first >= num_pairs(at); ++at)
                        first -= (num_pairs(at) + kMaxQueries - 1) / kMaxQueries * kMaxQueries;
                    if (at == batch.num_segments) return Item<T>{};
                    return make_item<T>(op, at, (head + n) % kv_heads, first,
                                        std::min(num_pairs(at) - first, uint32_t(kMaxQueries)));
                });
}

// How a batch is done. Items that cover all rows of their segment store those rows themselves; few items over long
// contexts are split by blocks, so that every thread has work.
struct Plan {
    bool stores_itself = true, splits = false;
};

template <class T>
Plan make_plan(const Op& op, const Worker& worker) {
    const Batch& batch = *op.batch;
    const uint32_t kv_heads = op.kv->num_kv_heads, group = op.num_heads / kv_heads;
    const int32_t* starts = batch.segment_starts.data();
    uint32_t num_items = 0, num_blocks = 0;
    Plan plan;
    for (uint32_t segment = 0; segment < batch.num_segments; ++segment) {
        const uint32_t pairs = uint32_t(starts[segment + 1] - starts[segment]) * group;
        if (pairs > kMaxQueries) plan.stores_itself = false;
        num_items += (pairs + kMaxQueries - 1) / kMaxQueries * kv_heads;
    }
    if (worker.num_threads == 1 || num_items >= 4 * worker.num_threads || num_items > SplitBuffer::kMaxItems)
        return plan;
    for_items<T>(op, [&](uint32_t, auto&& make) { num_blocks += make().num_blocks(); });
    plan.splits = num_blocks > num_items && num_blocks <= SplitBuffer::kMaxBlocks;
    if (plan.splits) plan.stores_itself = false;
    return plan;
}

template <class T>
void attention_of(const Op& op, const Worker& worker) {
    const Plan plan = make_plan<T>(op, worker);
    if (op.angles && !plan.stores_itself) {
        store_all<T>(op, worker);
        if (plan.splits) {
            for_items<T>(op, [&](uint32_t index, auto&& make) {
                if (index % worker.num_threads == worker.thread) rotate_queries(op, make());
            });
        }
        worker.barrier();
    }
    uint32_t claimed = op.cursor->fetch_add(1, std::memory_order_relaxed), block_index = 0;
    for_items<T>(op, [&](uint32_t index, auto&& make) {
        if (plan.splits) {
            const Item<T> item = make();
            const uint32_t first = block_index;
            for (uint32_t block = 0; block < item.num_blocks(); ++block, ++block_index) {
                if (block_index != claimed) continue;
                const uint32_t later = block + worker.num_threads;
                const Upcoming<T> upcoming =
                    later < item.num_blocks() ? item.upcoming(later) : make(1).upcoming(later - item.num_blocks());
                attend_split(op, worker, item, index, first, block, upcoming);
                claimed = op.cursor->fetch_add(1, std::memory_order_relaxed);
            }
        } else if (index == claimed) {
            const Item<T> item = make();
            if (op.angles) {
                const uint32_t group = op.num_heads / op.kv->num_kv_heads, rows = (item.num_pairs + group - 1) / group;
                for (uint32_t i = 0; plan.stores_itself && i < rows; ++i)
                    rotate_and_store<T>(op, item.first_row + i, item.kv_head);
                rotate_queries(op, item);
            }
            attend_item(op, worker, item, make(worker.num_threads));
            claimed = op.cursor->fetch_add(1, std::memory_order_relaxed);
        }
    });
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
