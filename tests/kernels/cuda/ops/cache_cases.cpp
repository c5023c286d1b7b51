#include <algorithm>
#include <cmath>

#include "cuda/copies.h"
#include "world.h"

namespace {

constexpr aerie_dtype kTypes[] = {AERIE_F32, AERIE_F16, AERIE_BF16};

float rounded(float value, aerie_dtype dtype) {
    uint8_t bytes[4];
    narrow(bytes, &value, 1, dtype);
    widen(&value, bytes, 1, dtype);
    return value;
}

// What a row-by-row copy gives.
std::vector<float> copied(std::vector<float> values, size_t cols, const std::vector<int32_t>& from,
                          const std::vector<int32_t>& to) {
    for (size_t i = 0; i < from.size(); ++i)
        memmove(&values[size_t(to[i]) * cols], &values[size_t(from[i]) * cols], cols * sizeof(float));
    return values;
}

// Copies that close up in place, that read what was written just before, and that do neither.
struct Copies {
    std::vector<int32_t> from, to;
};
const Copies kCopies[] = {
    {{3, 5, 6, 9, 11, 12, 20}, {3, 4, 5, 6, 7, 8, 9}},
    {{0, 1, 2, 3, 4, 5, 6, 7}, {1, 2, 3, 4, 5, 6, 7, 8}},
    {{7, 2, 7, 4, 9, 9}, {2, 7, 4, 9, 7, 2}},
    {{1}, {30}},
    {{}, {}},
};

}  // namespace

CASE(angles_and_rotation_agree_with_float64) {
    for (const uint32_t half : {4u, 40u, 300u}) {
        std::vector<float> frequencies(half);
        for (uint32_t i = 0; i < half; ++i) frequencies[i] = float(std::pow(10000.0, -double(i) / half));
        const uint32_t dim = 2 * half, cols = 3 * dim + 5;
        std::vector<float> alone;
        for (const uint32_t count : {0u, 1u, 17u, 65u, 300u}) {
            Rows rows(count);
            for (uint32_t i = 0; i < count; ++i) rows.positions[i] = int32_t(i * i * 7);
            auto batch = batch_of(rows);
            Tensor inv_freq = tensor_of(frequencies, half), angles = out_tensor(batch->max_rows, dim, batch);
            run(cuda::rope_angles, {.kind = OpKind::rope_angles,
                                    .out = &angles,
                                    .x = &inv_freq,
                                    .batch = batch.get(),
                                    .scalar = 1.0f});
            std::vector<double> expected;
            for (uint32_t row = 0; row < count; ++row) {
                for (const bool sine : {false, true})
                    for (uint32_t i = 0; i < half; ++i) {
                        const double angle = double(rows.positions[row]) * double(frequencies[i]);
                        expected.push_back(float(sine ? std::sin(angle) : std::cos(angle)));
                    }
            }
            const std::vector<float> turned = read(angles, count);
            expect_near(turned, expected, 0);
            // Heads 0 and 1 are rotated, the third and what is behind it stay.
            const std::vector<float> x = random_floats(size_t(count) * cols, 3);
            Tensor in = tensor_of(x, cols, batch);
            run(cuda::rope,
                {.kind = OpKind::rope, .out = &in, .x = &in, .y = &angles, .num_heads = 2, .head_dim = dim});
            std::vector<double> rotated(x.begin(), x.end());
            for (uint32_t row = 0; row < count; ++row)
                for (uint32_t head = 0; head < 2; ++head)
                    for (uint32_t i = 0; i < half; ++i) {
                        const size_t a = size_t(row) * cols + head * dim + i, b = a + half;
                        const double c = turned[row * dim + i], s = turned[row * dim + half + i];
                        rotated[a] = x[a] * c - x[b] * s;
                        rotated[b] = x[b] * c + x[a] * s;
                    }
            const std::vector<float> out = read(in);
            expect_near(out, rotated, 2e-7);
            EXPECT(same_bits(out.data(), alone.data(), std::min(out.size(), alone.size())));
            alone = out;
        }
    }
}

CASE(keys_and_values_are_stored_at_slots) {
    for (const aerie_dtype dtype : kTypes) {
        const uint32_t heads = 3, kv_heads = 2, dim = 48, page_size = 16, num_pages = 5, num_layers = 2;
        const uint32_t cols = (heads + 2 * kv_heads) * dim, count = 33;
        Rows rows(count);
        for (uint32_t i = 0; i < count; ++i) rows.slots[i] = int32_t(i * 7 % 80);
        auto batch = batch_of(rows);
        const std::vector<float> x = random_floats(size_t(count) * cols, 3);
        Tensor qkv = tensor_of(x, cols, batch);
        const size_t head_stride = page_size * dim, side = kv_heads * head_stride, page = 2 * side;
        Tensor memory = narrow_tensor(std::vector<float>(num_layers * num_pages * page, 7.0f), dim, dtype);
        KvPool kv;
        kv.num_layers = num_layers;
        kv.num_pages = num_pages;
        kv.page_size = page_size;
        kv.num_kv_heads = kv_heads;
        kv.head_dim = dim;
        kv.dtype = dtype;
        kv.buffer = memory.buffer;
        run(cuda::kv_store,
            {.kind = OpKind::kv_store, .x = &qkv, .kv = &kv, .batch = batch.get(), .layer = 1, .num_heads = heads});
        std::vector<double> expected(num_layers * num_pages * page, 7.0);
        for (uint32_t row = 0; row < count; ++row)
            for (uint32_t head = 0; head < 2 * kv_heads; ++head)
                for (uint32_t d = 0; d < dim; ++d) {
                    const uint32_t slot = uint32_t(rows.slots[row]);
                    const size_t at =
                        (num_pages + slot / page_size) * page + head * head_stride + slot % page_size * dim + d;
                    expected[at] = rounded(x[size_t(row) * cols + (heads + head) * dim + d], dtype);
                }
        expect_near(read(memory), expected, 0);
    }
}

CASE(keys_are_stored_as_they_are_rotated) {
    struct Head {
        uint32_t dim, width;
    };
    for (const aerie_dtype dtype : kTypes)
        for (const auto [dim, width] : {Head{16, 16}, Head{48, 16}, Head{80, 80}, Head{128, 96}, Head{256, 256}}) {
            const uint32_t heads = 5, kv_heads = 1 + dim / 80, cols = (heads + 2 * kv_heads) * dim, count = 19;
            Rows rows(count);
            for (uint32_t i = 0; i < count; ++i) rows.slots[i] = int32_t(i * 7 % 32);
            auto batch = batch_of(rows);
            const std::vector<float> x = random_floats(size_t(count) * cols, 3);
            const Tensor angles = tensor_of(random_floats(size_t(count) * width, 4), width, batch);
            // Once op by op and once as one.
            std::vector<float> kept[2], stored[2];
            for (const bool fused : {false, true}) {
                Tensor qkv = tensor_of(x, cols, batch);
                Tensor memory = narrow_tensor(std::vector<float>(2 * 2 * 2 * kv_heads * 16 * dim, 7), dim, dtype);
                KvPool kv;
                kv.num_layers = kv.num_pages = 2;
                kv.page_size = 16;
                kv.num_kv_heads = kv_heads;
                kv.head_dim = dim;
                kv.dtype = dtype;
                kv.buffer = memory.buffer;
                Op store{.kind = OpKind::kv_store, .x = &qkv, .kv = &kv, .batch = batch.get(), .layer = 1};
                store.num_heads = heads;
                if (fused) {
                    store.out = &qkv;
                    store.angles = &angles;
                } else {
                    run(cuda::rope, {.kind = OpKind::rope,
                                     .out = &qkv,
                                     .x = &qkv,
                                     .y = &angles,
                                     .num_heads = heads + kv_heads,
                                     .head_dim = dim});
                }
                run(cuda::kv_store, store);
                kept[fused] = read(qkv);
                stored[fused] = read(memory);
            }
            EXPECT(kept[0] != x && same_bits(kept[1].data(), kept[0].data(), x.size()));
            EXPECT(same_bits(stored[1].data(), stored[0].data(), stored[0].size()));
        }
}

CASE(rows_are_copied_one_after_another) {
    for (const aerie_dtype dtype : kTypes)
        for (const uint32_t cols : {1u, 6u, 200u, 1024u})
            for (const Copies& each : kCopies) {
                Tensor tensor = narrow_tensor(random_floats(31 * cols, cols), cols, dtype);
                const std::vector<float> before = read(tensor);
                const Buffer from = buffer_of(each.from.data(), each.from.size() * 4),
                             to = buffer_of(each.to.data(), each.to.size() * 4);
                cuda::copy_rows(tensor, static_cast<int32_t*>(from.address), static_cast<int32_t*>(to.address),
                                uint32_t(each.from.size()), nullptr);
                const std::vector<float> after = copied(before, cols, each.from, each.to);
                EXPECT(same_bits(read(tensor).data(), after.data(), after.size()));
            }
}

CASE(slots_are_copied_one_after_another) {
    const uint32_t page_size = 16, num_pages = 2, num_slots = page_size * num_pages;
    for (const aerie_dtype dtype : kTypes)
        for (const uint32_t dim : {16u, 128u})
            for (const Copies& each : kCopies) {
                KvPool kv;
                kv.num_layers = 3;
                kv.num_pages = num_pages;
                kv.page_size = page_size;
                kv.num_kv_heads = 3;
                kv.head_dim = dim;
                kv.dtype = dtype;
                const uint32_t sides = kv.num_layers * 2 * kv.num_kv_heads;
                Tensor memory = narrow_tensor(random_floats(sides * num_slots * dim, dim), dim, dtype);
                kv.buffer = memory.buffer;
                // Each layer, side and head on its own: [slots, dim].
                std::vector<float> expected = read(memory);
                for (uint32_t side = 0; side < sides; ++side) {
                    const uint32_t layer = side / 6, in_page = side % 6;
                    const auto at = [&](uint32_t slot) {
                        return &expected[(((layer * num_pages + slot / page_size) * 6 + in_page) * page_size +
                                          slot % page_size) *
                                         dim];
                    };
                    std::vector<float> alone;
                    for (uint32_t slot = 0; slot < num_slots; ++slot)
                        alone.insert(alone.end(), at(slot), at(slot) + dim);
                    alone = copied(alone, dim, each.from, each.to);
                    for (uint32_t slot = 0; slot < num_slots; ++slot)
                        memcpy(at(slot), &alone[slot * dim], dim * sizeof(float));
                }
                const Buffer from = buffer_of(each.from.data(), each.from.size() * 4),
                             to = buffer_of(each.to.data(), each.to.size() * 4);
                cuda::copy_slots(kv, static_cast<int32_t*>(from.address), static_cast<int32_t*>(to.address),
                                 uint32_t(each.from.size()), nullptr);
                EXPECT(same_bits(read(memory).data(), expected.data(), expected.size()));
            }
}
