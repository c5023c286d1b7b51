// The kernel of expert_linear: the products of linear, of tiles of rows that go to the same expert.
#pragma once
#include "cuda/device/experts.h"
#include "cuda/device/linear.h"

namespace aerie::cuda {

// What a launch for one packed part of the weight is called with; behind the arrow, what its blocks find out.
struct ExpertArguments {
    const uint8_t* weight;
    uint32_t weight_rows, cols;  // weight_rows: of the packed part
    uint32_t first_weight_row;   // of the packed part
    const float* x;              // [rows, cols], or [rows, top_k, cols] if each expert has a row of its own
    bool has_own_rows;
    float* out;  // [rows, num_parts, top_k, n]
    uint32_t n, top_k, num_parts, num_experts;
    uint32_t blocks_per_part;
    ExpertWork work;
    uint32_t slices;
    size_t most_tiles;
};

struct ExpertBlock : ExpertArguments {
    const uint32_t* entries;  // of the tile
    uint32_t last_entry;
    uint32_t part, origin;  // origin: the first row of the part's and expert's in the packed part, perhaps before it
    uint32_t low, high;     // rows of it that the packed part has

    AERIE_PRIMITIVE ExpertBlock(const ExpertArguments& a, const ExpertTile& tile)
        : ExpertArguments(a),
          entries(a.work.entries + tile.first),
          last_entry(tile.count - 1),
          part(blockIdx.y / a.blocks_per_part) {
        const uint32_t begin = (part * num_experts + tile.expert) * n;
        origin = begin - first_weight_row;
        low = max(begin, first_weight_row) - first_weight_row;
        const uint32_t end = min(begin + n, first_weight_row + weight_rows);
        high = end > first_weight_row ? end - first_weight_row : 0;
    }

    AERIE_PRIMITIVE uint32_t group(uint32_t index) const { return low / kUnitRows + index; }
    AERIE_PRIMITIVE bool has_group(uint32_t index) const { return group(index) * kUnitRows < high; }
    AERIE_PRIMITIVE uint32_t first_index(uint32_t per_block) const { return blockIdx.y % blocks_per_part * per_block; }
    AERIE_PRIMITIVE bool has_col(uint32_t col) const { return col >= low && col < high; }
    // Of a row behind the last one, whose inputs are not read, the last one's.
    AERIE_PRIMITIVE const float* input(uint32_t row) const {
        const uint32_t entry = entries[min(row, last_entry)];
        return x + size_t(has_own_rows ? entry : entry / top_k) * cols;
    }
    AERIE_PRIMITIVE float& output(uint32_t row, uint32_t col) const {
        const uint32_t entry = entries[row];
        return out[((size_t(entry / top_k) * num_parts + part) * top_k + entry % top_k) * n + (col - origin)];
    }
};

template <class Format, int kTiles, int kSlices>
__global__ void __launch_bounds__(kLinearThreads, LinearShape<Format, kTiles, kSlices>::kBlocks)
    expert_rows(ExpertArguments a) {
    if (blockIdx.x >= *a.work.num_tiles) return;
    const ExpertTile tile = a.work.tiles[blockIdx.x];
    const ExpertBlock block(a, tile);
    if (block.low < block.high) multiply_rows<Format, kTiles, kSlices>(block, 0, tile.count);
}

template <class Format, int kTiles, int kSlices>
void launch_expert_rows(ExpertArguments a, cudaStream_t stream) {
    using Shape = LinearShape<Format, kTiles, kSlices>;
    const auto kernel = expert_rows<Format, kTiles, kSlices>;
    expect_success(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Shape::kSharedBytes),
                   "expert_linear");
    // Groups of 16 rows that n rows reach into.
    const uint32_t most_groups = (a.n + kUnitRows - 2) / kUnitRows + 1;
    a.blocks_per_part = (most_groups + Shape::kRowWarps - 1) / Shape::kRowWarps;
    const dim3 grid(uint32_t(a.most_tiles), a.blocks_per_part * a.num_parts);
    expect_success(launch(kernel, {grid, kLinearThreads, Shape::kSharedBytes}, stream, a), "expert_linear");
}

// Rows of a tile, for few rows an expert and for many: a choice that changes no bit.
constexpr uint32_t kFewTileRows = 8, kManyTileRows = 32;

template <class Format>
void launch_experts(const ExpertArguments& arguments, uint32_t tile_rows, cudaStream_t stream) {
    constexpr int kSlices = Format::kUnit == UnitFormat::f32 ? 1 : int(kMostSlices);
    const bool few = tile_rows == kFewTileRows;
    if (arguments.slices == 1)
        few ? launch_expert_rows<Format, 1, 1>(arguments, stream) : launch_expert_rows<Format, 4, 1>(arguments, stream);
    else
        few ? launch_expert_rows<Format, 1, kSlices>(arguments, stream)
            : launch_expert_rows<Format, 4, kSlices>(arguments, stream);
}

}  // namespace aerie::cuda
