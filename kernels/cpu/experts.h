// Which rows of a forward go to which expert, as a thread finds out for itself.
#pragma once
#include <algorithm>

#include "cpu/ops.h"

namespace aerie::cpu {

// The experts' shares of rows. An entry is a row and one of its places in routing: row * top_k + place.
struct ExpertEntries {
    uint32_t* begins;   // [num_experts + 1]: where the entries of an expert begin
    uint32_t* entries;  // [rows * top_k], expert by expert, ascending

    static size_t bytes(size_t num_experts, size_t rows, size_t top_k) {
        return (num_experts + 2 + rows * top_k) * sizeof(uint32_t);
    }
};

// Sorts the entries of `rows` rows of routing [rows, 2 * top_k] into `memory`, ExpertEntries::bytes. Those of a number
// that no expert has are left out.
ExpertEntries sort_entries(void* memory, const float* routing, uint32_t rows, uint32_t top_k, uint32_t num_experts);

}  // namespace aerie::cpu
