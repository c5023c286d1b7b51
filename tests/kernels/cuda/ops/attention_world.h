// Sequences of keys in a paged pool, and attention to them.
#pragma once
#include "world.h"

struct AttentionRow {
    int32_t visible;
    uint64_t tree;
    uint64_t query;  // its queries are a function of this number
};

struct AttentionSegment {
    std::vector<uint64_t> keys;  // by index in the sequence; a key and its value are a function of this number
    std::vector<AttentionRow> rows;
};

struct AttentionSetup {
    uint32_t num_heads = 4, num_kv_heads = 2, head_dim = 32, page_size = 16;
    aerie_dtype dtype = AERIE_BF16;
    uint64_t page_seed = 1;  // where pages lie
    bool splits = true;      // blocks may take chunks at the same time
    uint32_t more_rows = 0;  // for which the launch has room
    uint32_t layer = 1;
    uint32_t window = 0;
    float soft_cap = 0;

    uint32_t row_floats() const { return num_heads * head_dim; }
};

// Whose key, or value, has numbers that are none.
constexpr uint64_t kNanKey = 1ull << 60, kInfiniteValue = 2ull << 60, kNanValue = 3ull << 60,
                   kInfiniteQuery = 4ull << 60;
// Keys and queries whose scores are some hundreds below zero.
constexpr uint64_t kLargeKey = 5ull << 60, kOppositeQuery = 6ull << 60;

// Rows `first` .. first + count - 1 of a prompt: each sees those before it and itself.
std::vector<AttentionRow> causal_rows(int32_t first, int32_t count, uint64_t query = 0);
std::vector<uint64_t> key_numbers(size_t count, uint64_t first = 0);
// Ancestors of node i of a random tree, itself included; parents are below their children.
std::vector<uint64_t> random_tree(uint32_t nodes, uint64_t seed);

// The output rows of all segments.
std::vector<float> attend(const AttentionSetup& setup, const std::vector<AttentionSegment>& segments);
// The same in double precision.
std::vector<double> attend_exactly(const AttentionSetup& setup, const std::vector<AttentionSegment>& segments);
// Bytes of the pool that the last `attend` read, where accesses are counted.
uint64_t pool_bytes_read();

// Rows behind `prefix` keys: consecutive tokens, or a random draft tree.
AttentionSegment causal_segment(int32_t prefix, int32_t count, uint64_t first_key = 0);
AttentionSegment tree_segment(int32_t prefix, uint32_t nodes, uint64_t seed);

// How far outputs may be from those in double precision.
constexpr double kAttentionTolerance = 3e-6;
void expect_exact(const AttentionSetup& setup, const std::vector<AttentionSegment>& segments);
// Rows of `some` are rows first .. of `all`, bit for bit.
void expect_rows(const AttentionSetup& setup, const std::vector<float>& some, const std::vector<float>& all,
                 size_t first = 0);
