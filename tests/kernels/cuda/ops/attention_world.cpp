#include "attention_world.h"

#include <algorithm>
#include <cmath>

#include "cuda/attention.h"
#include "sim/report.h"

namespace {

uint64_t bytes_read = 0;

constexpr uint64_t kWhat = 7ull << 60;
constexpr uint32_t kNumLayers = 2;

float rounded(float value, aerie_dtype dtype) {
    uint8_t bytes[4];
    narrow(bytes, &value, 1, dtype);
    widen(&value, bytes, 1, dtype);
    return value;
}

std::vector<float> key_of(const AttentionSetup& setup, uint64_t number, uint32_t head) {
    std::vector<float> key = random_floats(setup.head_dim, number * 64 + head + 1);
    for (float& each : key) each = rounded(each * 2, setup.dtype);
    if ((number & kWhat) == kNanKey) key[3] = NAN;
    if ((number & kWhat) == kLargeKey) key[3] = 64;
    return key;
}

std::vector<float> value_of(const AttentionSetup& setup, uint64_t number, uint32_t head) {
    std::vector<float> value = random_floats(setup.head_dim, ~(number * 64 + head + 1));
    for (float& each : value) each = rounded(each, setup.dtype);
    if ((number & kWhat) == kInfiniteValue) value[5] = INFINITY;
    if ((number & kWhat) == kNanValue) value[5] = NAN;
    return value;
}

std::vector<float> query_of(const AttentionSetup& setup, uint64_t number) {
    std::vector<float> query = random_floats(setup.row_floats(), number * 1000003 + 17);
    for (float& each : query) each *= 3;
    if ((number & kWhat) == kInfiniteQuery) query[1] = INFINITY;
    if ((number & kWhat) == kOppositeQuery)
        for (uint32_t head = 0; head < setup.num_heads; ++head) query[head * setup.head_dim + 3] = -32;
    return query;
}

float scale_of(const AttentionSetup& setup) { return float(1 / std::sqrt(double(setup.head_dim))); }

}  // namespace

uint64_t pool_bytes_read() { return bytes_read; }

std::vector<AttentionRow> causal_rows(int32_t first, int32_t count, uint64_t query) {
    std::vector<AttentionRow> rows;
    for (int32_t i = first; i < first + count; ++i) rows.push_back({i, 1, query + uint64_t(i)});
    return rows;
}

std::vector<uint64_t> key_numbers(size_t count, uint64_t first) {
    std::vector<uint64_t> keys(count);
    for (size_t i = 0; i < count; ++i) keys[i] = first + i;
    return keys;
}

std::vector<uint64_t> random_tree(uint32_t nodes, uint64_t seed) {
    std::vector<uint64_t> masks;
    for (uint32_t i = 0; i < nodes; ++i) {
        // A recent parent, so that some paths are long.
        const uint64_t back = i ? 1 + random_bits(seed) % std::min(i, 4u) : 0;
        masks.push_back((i ? masks[i - back] : 0) | 1ull << i);
    }
    return masks;
}

std::vector<float> attend(const AttentionSetup& setup, const std::vector<AttentionSegment>& segments) {
    const uint32_t dim = setup.head_dim, page_size = setup.page_size, kv_heads = setup.num_kv_heads;
    Rows rows;
    rows.segment_starts.clear();
    rows.segment_starts.push_back(0);
    rows.page_table.clear();
    size_t num_pages = 0, most_pages = 1;
    for (const AttentionSegment& segment : segments) {
        most_pages = std::max(most_pages, (segment.keys.size() + page_size - 1) / page_size);
        num_pages += (segment.keys.size() + page_size - 1) / page_size;
    }
    // Pages in random order; what no key fills would spoil every sum.
    std::vector<int32_t> pages(num_pages + 3);
    for (size_t i = 0; i < pages.size(); ++i) pages[i] = int32_t(i);
    uint64_t state = setup.page_seed;
    for (size_t i = pages.size(); i > 1; --i) std::swap(pages[i - 1], pages[random_bits(state) % i]);
    const size_t head_floats = size_t(page_size) * dim, page_floats = 2 * kv_heads * head_floats;
    std::vector<float> pool(kNumLayers * pages.size() * page_floats, NAN);
    size_t next_page = 0;
    std::vector<float> qkv;
    rows.pages_per_segment = uint32_t(most_pages);
    for (const AttentionSegment& segment : segments) {
        const size_t first_page = next_page;
        for (size_t i = 0; i < segment.keys.size(); ++i) {
            if (i % page_size == 0) ++next_page;
            const size_t page = size_t(pages[next_page - 1]);
            for (uint32_t head = 0; head < kv_heads; ++head) {
                const std::vector<float> key = key_of(setup, segment.keys[i], head),
                                         value = value_of(setup, segment.keys[i], head);
                float* to =
                    &pool[(setup.layer * pages.size() + page) * page_floats + head * head_floats + i % page_size * dim];
                std::copy(key.begin(), key.end(), to);
                std::copy(value.begin(), value.end(), to + kv_heads * head_floats);
            }
        }
        for (size_t i = 0; i < most_pages; ++i)
            rows.page_table.push_back(first_page + i < next_page ? pages[first_page + i] : 0);
        for (const AttentionRow& row : segment.rows) {
            rows.visible.push_back(row.visible);
            rows.tree_masks.push_back(row.tree);
            const std::vector<float> query = query_of(setup, row.query);
            qkv.insert(qkv.end(), query.begin(), query.end());
            qkv.insert(qkv.end(), 2 * kv_heads * dim, NAN);
        }
        rows.segment_starts.push_back(int32_t(rows.count()));
    }
    rows.tokens = rows.positions = rows.slots = std::vector<int32_t>(rows.count());
    auto batch = batch_of(rows);

    Tensor numbers = narrow_tensor(pool, dim, setup.dtype);
    KvPool kv;
    kv.num_layers = kNumLayers;
    kv.num_pages = uint32_t(pages.size());
    kv.page_size = page_size;
    kv.num_kv_heads = kv_heads;
    kv.head_dim = dim;
    kv.dtype = setup.dtype;
    kv.buffer = numbers.buffer;
    Tensor in = tensor_of(qkv, setup.row_floats() + 2 * kv_heads * dim, batch);
    Tensor out = out_tensor(batch->max_rows, setup.row_floats(), batch);
    cuda::Launch launch = launch_of(*batch);
    launch.max_rows = rows.count() + setup.more_rows;
    Buffer scratch;
    if (setup.splits) {
        scratch = raw_buffer(
            cuda::attention_scratch_bytes(rows.count(), setup.num_heads, dim, rows.pages_per_segment * page_size,
                                          setup.window));
        launch.scratch = scratch.address;
        launch.scratch_bytes = scratch.bytes;
    }
    run(cuda::attention,
        {.kind = OpKind::attention,
         .out = &out,
         .x = &in,
         .kv = &kv,
         .batch = batch.get(),
         .layer = setup.layer,
         .num_heads = setup.num_heads,
         .scalar = scale_of(setup),
         .soft_cap = setup.soft_cap,
         .window = setup.window},
        launch);
    for (const auto& each : sim::traffic())
        if (each.memory == kv.buffer.address) bytes_read = each.bytes_read;
    return read(out, rows.count());
}

std::vector<double> attend_exactly(const AttentionSetup& setup, const std::vector<AttentionSegment>& segments) {
    const uint32_t dim = setup.head_dim, group = setup.num_heads / setup.num_kv_heads;
    std::vector<double> out;
    for (const AttentionSegment& segment : segments) {
        std::vector<std::vector<float>> keys, values;
        for (uint32_t head = 0; head < setup.num_kv_heads; ++head)
            for (const uint64_t number : segment.keys) {
                keys.push_back(key_of(setup, number, head));
                values.push_back(value_of(setup, number, head));
            }
        for (const AttentionRow& row : segment.rows) {
            const std::vector<float> query = query_of(setup, row.query);
            for (uint32_t head = 0; head < setup.num_heads; ++head) {
                const size_t first = head / group * segment.keys.size();
                std::vector<double> scores, sums(dim);
                std::vector<size_t> seen;
                for (size_t i = 0; i < segment.keys.size(); ++i) {
                    const int64_t beyond = int64_t(i) - row.visible;
                    if (beyond >= 64 || (beyond >= 0 && !(row.tree >> beyond & 1))) continue;
                    double score = 0;
                    for (uint32_t d = 0; d < dim; ++d)
                        score += double(query[head * dim + d]) * double(keys[first + i][d]);
                    score *= scale_of(setup);
                    if (setup.soft_cap > 0) score = setup.soft_cap * std::tanh(score / setup.soft_cap);
                    seen.push_back(first + i);
                    scores.push_back(score);
                }
                if (setup.window && seen.size() > setup.window) {
                    const auto hidden = ptrdiff_t(seen.size() - setup.window);
                    seen.erase(seen.begin(), seen.begin() + hidden);
                    scores.erase(scores.begin(), scores.begin() + hidden);
                }
                double top = -INFINITY, mass = 0;
                for (const double score : scores) top = std::max(top, score);
                for (size_t i = 0; i < seen.size(); ++i) {
                    const double weight = std::exp(scores[i] - top);
                    mass += weight;
                    for (uint32_t d = 0; d < dim; ++d) sums[d] += weight * values[seen[i]][d];
                }
                for (const double sum : sums) out.push_back(sum / mass);
            }
        }
    }
    return out;
}

AttentionSegment causal_segment(int32_t prefix, int32_t count, uint64_t first_key) {
    return {key_numbers(size_t(prefix + count), first_key), causal_rows(prefix, count, first_key)};
}

AttentionSegment tree_segment(int32_t prefix, uint32_t nodes, uint64_t seed) {
    AttentionSegment segment;
    segment.keys = key_numbers(size_t(prefix) + nodes, seed * 10000);
    const std::vector<uint64_t> masks = random_tree(nodes, seed);
    for (uint32_t i = 0; i < nodes; ++i) segment.rows.push_back({prefix, masks[i], seed * 100 + i});
    return segment;
}

void expect_exact(const AttentionSetup& setup, const std::vector<AttentionSegment>& segments) {
    expect_near(attend(setup, segments), attend_exactly(setup, segments), kAttentionTolerance);
}

void expect_rows(const AttentionSetup& setup, const std::vector<float>& some, const std::vector<float>& all,
                 size_t first) {
    const size_t at = first * setup.row_floats();
    EXPECT(at + some.size() <= all.size());
    EXPECT(same_bits(some.data(), all.data() + at, some.size()));
}
