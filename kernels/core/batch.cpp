#include "core/batch.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "core/error.h"

namespace aerie {
namespace {

constexpr uint64_t BatchLimits::*kLimits[] = {&BatchLimits::tokens, &BatchLimits::slots, &BatchLimits::pages,
                                              &BatchLimits::sources};

[[noreturn]] void bad(const char* op, const char* name, size_t index, int32_t value) {
    fail(AERIE_BAD_ARGUMENT, "%s: %s[%zu] is %d", op, name, index, value);
}

void check_below(const char* op, const char* name, const int32_t* values, size_t count, uint64_t limit) {
    for (size_t i = 0; limit != BatchLimits::kNone && i < count; ++i)
        if (values[i] >= 0 && uint64_t(values[i]) >= limit)
            fail(AERIE_BAD_ARGUMENT, "%s: %s[%zu] is %d of %llu", op, name, i, values[i], (unsigned long long)limit);
}

}  // namespace

size_t block_bytes(const BatchCounts& counts) {
    BatchArrays arrays;
    static_cast<BatchCounts&>(arrays) = counts;
    size_t bytes = kBlockHeaderBytes;
    for_arrays(arrays, [&](auto* array, size_t count) { bytes += count * sizeof *array; });
    return bytes;
}

void write_block(uint8_t* block, const BatchArrays& arrays) {
    memcpy(block, static_cast<const BatchCounts*>(&arrays), sizeof(BatchCounts));
    block += kBlockHeaderBytes;
    for_arrays(arrays, [&](auto* array, size_t count) {
        if (count) memcpy(block, array, count * sizeof *array);
        block += count * sizeof *array;
    });
}

void BatchLimits::narrow(const BatchLimits& other) {
    for (const auto limit : kLimits) this->*limit = std::min(this->*limit, other.*limit);
    if (other.page_size) page_size = page_size ? std::min(page_size, other.page_size) : other.page_size;
    needs_sources |= other.needs_sources;
}

void BatchLimits::widen(const BatchLimits& other) {
    for (const auto limit : kLimits)
        if (this->*limit == kNone || other.*limit == kNone)
            this->*limit = std::min(this->*limit, other.*limit);
        else
            this->*limit = std::max(this->*limit, other.*limit);
    page_size = std::max(page_size, other.page_size);
}

bool BatchLimits::follow_from(const BatchLimits& checked) const {
    return (pages == kNone || checked.page_size <= page_size) &&
           std::all_of(std::begin(kLimits), std::end(kLimits),
                       [&](auto limit) { return checked.*limit <= this->*limit; });
}

void check_arrays(const BatchArrays& a) {
    const char* op = "batch_write";
    for (uint32_t i = 0; i < a.num_rows; ++i) {
        if (a.tokens[i] < -1) bad(op, "tokens", i, a.tokens[i]);
        if (a.positions[i] < 0) bad(op, "positions", i, a.positions[i]);
        if (a.slots[i] < 0) bad(op, "slots", i, a.slots[i]);
        if (a.visible[i] < 0) bad(op, "visible", i, a.visible[i]);
    }
    for (uint32_t i = 0; i < a.num_sources; ++i)
        if (a.sources[i] < 0) bad(op, "sources", i, a.sources[i]);
    const int32_t* starts = a.segment_starts;
    if (starts[0]) bad(op, "segment_starts", 0, starts[0]);
    for (uint32_t s = 0; s < a.num_segments; ++s)
        if (starts[s + 1] < starts[s]) bad(op, "segment_starts", s + 1, starts[s + 1]);
    if (starts[a.num_segments] != int32_t(a.num_rows))
        bad(op, "segment_starts", a.num_segments, starts[a.num_segments]);
    for (uint32_t i = 0; i < a.num_outputs; ++i)
        if (a.outputs[i] < 0 || a.outputs[i] >= int32_t(a.num_rows)) bad(op, "outputs", i, a.outputs[i]);
}

void check_limits(const char* op, const BatchArrays& a, const BatchLimits& limits) {
    check_below(op, "tokens", a.tokens, a.num_rows, limits.tokens);
    check_below(op, "slots", a.slots, a.num_rows, limits.slots);
    check_below(op, "sources", a.sources, a.num_sources, limits.sources);
    if (limits.pages == BatchLimits::kNone) return;
    const size_t num_entries = size_t(a.num_segments) * a.pages_per_segment;
    uint32_t largest = 0;
    for (size_t i = 0; i < num_entries; ++i) largest = std::max(largest, uint32_t(a.page_table[i]));
    for (size_t i = 0; largest >= limits.pages && i < num_entries; ++i)
        if (uint32_t(a.page_table[i]) >= limits.pages)
            fail(AERIE_BAD_ARGUMENT, "%s: page_table[%zu] is %d of %llu", op, i, a.page_table[i],
                 (unsigned long long)limits.pages);
    const int64_t reach = int64_t(a.pages_per_segment) * limits.page_size;
    for (uint32_t i = 0; i < a.num_rows; ++i) {
        const uint64_t tree = a.tree_masks[i];
        const int64_t last = int64_t(a.visible[i]) + (tree ? 64 - __builtin_clzll(tree) : 0);
        if (last > reach || !last)
            fail(AERIE_BAD_ARGUMENT, "%s: row %u sees %lld of %lld entries", op, i, (long long)last, (long long)reach);
    }
}

void check_sources(const char* op, const BatchCounts& counts, const BatchLimits& limits) {
    if (limits.needs_sources && counts.num_sources != counts.num_rows)
        fail(AERIE_BAD_ARGUMENT, "%s: %u sources of %u rows", op, counts.num_sources, counts.num_rows);
}

}  // namespace aerie
