#include <algorithm>

#include "attention_world.h"
#include "sim/report.h"

// Keys and values are read once by 16 rows of a segment and the heads that share them.
CASE(keys_and_values_are_read_once_per_16_rows) {
    EXPECT(sim::is_checked());
    struct Shape {
        uint32_t group, head_dim;
        int32_t prefix, count;
        bool is_tree = false;
    };
    for (const Shape& shape :
         {Shape{4, 128, 290, 1}, Shape{8, 128, 100, 16}, Shape{3, 64, 0, 70}, Shape{1, 16, 513, 33},
          Shape{3, 256, 40, 17}, Shape{2, 16, 150, 63, true}})
        for (const bool splits : {false, true}) {
            const AttentionSetup setup = {
                .num_heads = 2 * shape.group, .num_kv_heads = 2, .head_dim = shape.head_dim, .splits = splits};
            // A sequence of one key stands beside it.
            AttentionSegment segment{key_numbers(size_t(shape.prefix + shape.count)),
                                     causal_rows(shape.prefix, shape.count)};
            if (shape.is_tree) {
                const std::vector<uint64_t> masks = random_tree(uint32_t(shape.count), 1);
                for (size_t i = 0; i < masks.size(); ++i) segment.rows[i] = {shape.prefix, masks[i], i};
            }
            sim::forget();
            attend(setup, {{key_numbers(1, 9000), causal_rows(0, 1)}, segment});
            uint64_t keys = 1;
            for (int32_t first = 0; first < shape.count; first += 16)
                keys += uint64_t(shape.prefix + std::min(first + 16, shape.count));
            EXPECT(pool_bytes_read() == keys * 2 * 2 * shape.head_dim * 2);
        }
}
