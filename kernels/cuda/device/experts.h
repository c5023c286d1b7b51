// The work of expert_linear: which rows of a forward go to which expert, in tiles that blocks take.
#pragma once
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "cuda/device/op_rows.h"

namespace aerie::cuda {

// Rows of one expert that are multiplied together: `count` entries from `first` on.
struct ExpertTile {
    uint32_t expert, first, count;
};

// Scratch memory of an op. An entry is a row and one of its places in routing: row * top_k + place.
struct ExpertWork {
    uint32_t* num_tiles;
    ExpertTile* tiles;
    uint32_t* entries;  // expert by expert

    // Where everything lies for so many entries.
    ExpertWork(void* scratch, size_t num_entries, uint32_t num_experts)
        : num_tiles(static_cast<uint32_t*>(scratch)),
          tiles(reinterpret_cast<ExpertTile*>(num_tiles + 4)),
          entries(reinterpret_cast<uint32_t*>(tiles + most_tiles(num_entries, num_experts, 1))) {}

    static size_t bytes(size_t num_entries, uint32_t num_experts) {
        return 4 * sizeof(uint32_t) + most_tiles(num_entries, num_experts, 1) * sizeof(ExpertTile) +
               num_entries * sizeof(uint32_t);
    }
    // Tiles of up to `tile_rows` entries at most.
    static size_t most_tiles(size_t num_entries, uint32_t num_experts, uint32_t tile_rows) {
        return std::min(num_entries, num_entries / tile_rows + num_experts);
    }
};

// Finds the entries and tiles of a routing [rows, 2 * top_k]. Entries of a number that no expert has are left out.
cudaError_t sort_entries(const ExpertWork& work, const float* routing, const OpRows& rows, uint32_t top_k,
                         uint32_t num_experts, uint32_t tile_rows, cudaStream_t stream);

}  // namespace aerie::cuda
