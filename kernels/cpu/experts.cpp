#include "cpu/experts.h"

namespace aerie::cpu {

ExpertEntries sort_entries(void* memory, const float* routing, uint32_t rows, uint32_t top_k, uint32_t num_experts) {
    auto* const begins = static_cast<uint32_t*>(memory);
    const ExpertEntries sorted{begins, begins + num_experts + 2};
    std::fill_n(begins, num_experts + 2, 0u);
    const auto for_entries = [&](auto&& body) {
        for (uint32_t row = 0; row < rows; ++row)
            for (uint32_t place = 0; place < top_k; ++place) {
                const float number = routing[size_t(row) * 2 * top_k + place];
                if (number >= 0 && number < float(num_experts)) body(uint32_t(number), row * top_k + place);
            }
    };
    // Counts two places up, so that what is left behind the second pass are the begins.
    for_entries([&](uint32_t expert, uint32_t) { ++begins[expert + 2]; });
    for (uint32_t i = 2; i < num_experts + 2; ++i) begins[i] += begins[i - 1];
    for_entries([&](uint32_t expert, uint32_t entry) { sorted.entries[begins[expert + 1]++] = entry; });
    return sorted;
}

}  // namespace aerie::cpu
