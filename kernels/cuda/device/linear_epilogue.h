// What linear's kernels are called with, and what becomes of their sums: residual, bias, gate, the output.
#pragma once
#include "cuda/device/activation.h"
#include "cuda/device/op_rows.h"
#include "cuda/device/primitives.h"
#include "cuda/packed_layout.h"

namespace aerie::cuda {

struct LinearArguments {
    const uint8_t* weight;
    uint32_t weight_rows, cols;
    const float* x;         // [rows, cols]
    const float* residual;  // as out; null: none
    const float* bias;      // [weight_rows]; null: none
    float* out;             // [rows, stride]
    uint32_t stride;
    OpRows num_rows;
    uint32_t slices;
    // out = silu(first half of the weight's rows) * second half; halves are whole groups of 16, and no residual.
    bool gated;

    // Groups of 16 rows of the weight in the order in which warps take them: with a gate, each in front of the group
    // that it is multiplied by.
    AERIE_PRIMITIVE uint32_t group(uint32_t index) const {
        return gated ? index / 2 + index % 2 * (weight_rows / 2 / kUnitRows) : index;
    }
    AERIE_PRIMITIVE bool has_group(uint32_t index) const { return index * kUnitRows < weight_rows; }
    // The first index of the calling block, whose warps take so many.
    AERIE_PRIMITIVE uint32_t first_index(uint32_t per_block) const { return blockIdx.y * per_block; }

    AERIE_PRIMITIVE bool has_col(uint32_t col) const { return col < weight_rows; }
    AERIE_PRIMITIVE const float* input(uint32_t row) const { return x + size_t(row) * cols; }
    AERIE_PRIMITIVE float& output(uint32_t row, uint32_t col) const { return out[size_t(row) * stride + col]; }
};

// A warp's sums of a group of the weight's rows and of tiles of 8 rows of x, as mma leaves them: number i of a tile is
// row lane % 4 * 2 + i % 2 of the tile and row lane / 4 + i / 2 * 8 of the group.
template <int kTiles>
using LinearSums = float[kTiles][4];

// Calls body(sum, row, col) for the calling thread's sums of rows below `rows` and columns that the weight has.
template <int kTiles, class Arguments, class Body>
AERIE_PRIMITIVE void for_each_sum(LinearSums<kTiles>& sums, const Arguments& a, uint32_t group, uint32_t rows,
                                  Body&& body) {
    const uint32_t lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < kTiles * 4; ++i) {
        const uint32_t row = i / 4 * 8 + lane % 4 * 2 + i % 2, col = group * kUnitRows + lane / 4 + i % 4 / 2 * 8;
        if (row < rows && a.has_col(col)) body(sums[i / 4][i % 4], row, col);
    }
}

// sums += residual, then += bias. first_row: row 0 of the first tile.
template <int kTiles>
AERIE_PRIMITIVE void add_operands(LinearSums<kTiles>& sums, const LinearArguments& a, uint32_t group,
                                  uint32_t first_row, uint32_t rows) {
    if (!a.residual && !a.bias) return;
    for_each_sum<kTiles>(sums, a, group, rows, [&](float& sum, uint32_t row, uint32_t col) {
        if (a.residual) sum += a.residual[size_t(first_row + row) * a.stride + col];
        if (a.bias) sum += a.bias[col];
    });
}

template <int kTiles, class Arguments>
AERIE_PRIMITIVE void store_sums(LinearSums<kTiles>& sums, const Arguments& a, uint32_t group, uint32_t first_row,
                                uint32_t rows) {
    for_each_sum<kTiles>(sums, a, group, rows,
                         [&](float sum, uint32_t row, uint32_t col) { a.output(first_row + row, col) = sum; });
}

}  // namespace aerie::cuda
