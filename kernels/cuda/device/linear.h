// The kernel of linear for up to 64 rows, whatever the format of the weights: out = x * weight^T (+ residual) (+ bias),
// or the gate's silu times the rest of it.
//
// A warp has the products of 16 rows of the weight, a unit wide, and of up to 64 rows of x, in tiles of 8. It streams
// its units through a ring in shared memory. The block's threads bring x to shared memory, rounded for the products,
// while the last step's are computed. Warps of different slices of the inputs share their rows of the weight; the
// slices' sums are added in order at the end. Every product has one accumulator a slice, and neither the number of rows
// nor their places among others change what is added to it, or when.
#pragma once
#include <type_traits>

#include "cuda/device/linear_epilogue.h"
#include "cuda/device/linear_formats.h"
#include "cuda/launch.h"
#include "cuda/pack.h"

namespace aerie::cuda {

constexpr int kLinearThreads = 256, kLinearWarps = kLinearThreads / 32;

// Sizes of a block.
template <class Format, int kTiles, int kSlices>
struct LinearShape {
    static constexpr int kRowWarps = kLinearWarps / kSlices, kRows = kTiles * 8;
    // Inputs that a warp multiplies between two barriers.
    static constexpr int kStep = kSlices == 1 && Format::kInputBytes == 2 ? 64 : 32;
    static constexpr int kStageBytes = kStep / int(unit_cols(Format::kUnit)) * int(unit_bytes(Format::kUnit));
    static constexpr int kFit = 8192 / kStageBytes, kStages = kFit < 3 ? 3 : kFit > 16 ? 16 : kFit;
    static constexpr int kWarpBytes = kStages * kStageBytes, kRingBytes = kLinearWarps * kWarpBytes;
    static constexpr int kInputBytes = kRows * kStep * Format::kInputBytes;  // of a slice
    static constexpr int kSumBytes = Format::kNeedsSums ? kRows * kStep / int(kBlockInputs) * 4 : 0;
    static constexpr int kBufferBytes = kSlices * (kInputBytes + kSumBytes);
    static constexpr int kSharedBytes = kRingBytes + 2 * kBufferBytes;
    // Four inputs each that a thread loads a step.
    static constexpr int kQuads = kSlices * kRows * kStep / 4;
    static constexpr int kLoads = (kQuads + kLinearThreads - 1) / kLinearThreads;
    // Blocks that a multiprocessor shall have at a time: registers for two, unless sums and loads fill those of one.
    static constexpr int kBlocks = kTiles == 8 && kSlices > 1 ? 1 : 2;
    static_assert(kSharedBytes <= 99 * 1024, "what a block may have on every device of 8.0 or newer");
    // What a warp hands over at the end: its sums, from slices to the first, then from values to their gates.
    static constexpr int kSums = kTiles * 4 * 32, kGatedAt = (kSlices - 1) * kRowWarps * kSums;
    static_assert((kGatedAt + kRowWarps / 2 * kSums) * 4 <= kRingBytes, "sums fit into the ring");
};

// The block's products of up to kRows rows of x, from first_row on.
template <class Format, int kTiles, int kSlices, class Arguments>
AERIE_PRIMITIVE void multiply_rows(const Arguments& a, uint32_t first_row, uint32_t rows) {
    using Shape = LinearShape<Format, kTiles, kSlices>;
    constexpr int kRows = Shape::kRows, kStep = Shape::kStep, kStages = Shape::kStages;
    constexpr uint32_t kUnitCols = unit_cols(Format::kUnit), kUnitBytes = unit_bytes(Format::kUnit);
    uint8_t* const shared = dynamic_shared<uint8_t>();
    const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const uint32_t slice = warp / Shape::kRowWarps, row_warp = warp % Shape::kRowWarps;
    const uint32_t index = a.first_index(Shape::kRowWarps) + row_warp, group = a.group(index);

    // This warp's units: those of its slice, none past the last row.
    const uint32_t slice_cols = (a.cols + kSlices * kSliceInputs - 1) / (kSlices * kSliceInputs) * kSliceInputs;
    const uint32_t units = (a.cols + kUnitCols - 1) / kUnitCols, first_unit = slice * slice_cols / kUnitCols;
    const bool has_units = a.has_group(index) && first_unit < units;
    const uint32_t unit_count = has_units ? min(slice_cols / kUnitCols, units - first_unit) : 0;
    const uint8_t* source = a.weight + (size_t(group) * units + first_unit) * kUnitBytes;
    uint8_t* const ring = shared + warp * Shape::kWarpBytes;
    const auto load_units = [&](uint32_t step) {
        constexpr uint32_t kPerStep = kStep / kUnitCols;
        const uint32_t first = step * kPerStep, count = first < unit_count ? min(kPerStep, unit_count - first) : 0;
        uint8_t* const stage = ring + step % kStages * Shape::kStageBytes;
        for (uint32_t at = lane * 16; at < count * kUnitBytes; at += 32 * 16)
            copy_async(stage + at, source + size_t(first) * kUnitBytes + at);
        commit_copies();
    };

    // This thread's share of x: quads of neighbouring threads are neighbours in a row.
    const bool is_aligned = a.cols % 4 == 0;
    float4 quads[Shape::kLoads];
    const auto load_inputs = [&](uint32_t step) {
#pragma unroll
        for (int i = 0; i < Shape::kLoads; ++i) {
            const uint32_t quad = threadIdx.x + i * kLinearThreads;
            const uint32_t row = quad / (kStep / 4) % kRows, of_slice = quad / (kStep / 4 * kRows);
            const uint32_t end = min(a.cols, (of_slice + 1) * slice_cols);
            const uint32_t k = of_slice * slice_cols + step * kStep + quad % (kStep / 4) * 4;
            quads[i] = load_quad(a.input(first_row + row), k, row < rows ? end : 0, is_aligned);
        }
    };
    const auto buffer = [&](uint32_t step, uint32_t of_slice) {
        return shared + Shape::kRingBytes + step % 2 * Shape::kBufferBytes +
               of_slice * (Shape::kInputBytes + Shape::kSumBytes);
    };
    const auto store_inputs = [&](uint32_t step) {
#pragma unroll
        for (int i = 0; i < Shape::kLoads; ++i) {
            const uint32_t quad = threadIdx.x + i * kLinearThreads;
            if (Shape::kQuads % kLinearThreads && quad >= uint32_t(Shape::kQuads)) break;  // whole warps
            uint8_t* const to = buffer(step, quad / (kStep / 4 * kRows));
            const uint32_t row = quad / (kStep / 4) % kRows, k = quad % (kStep / 4) * 4;
            Format::template store<kTiles>(to, quads[i], row, k);
            if constexpr (Format::kNeedsSums) {
                const float sum = Format::sum_of_block(quads[i]);
                if (k % kBlockInputs == 0)
                    reinterpret_cast<float*>(to + Shape::kInputBytes)[k / kBlockInputs * kRows + row] = sum;
            }
        }
    };

    float acc[1][kTiles][4] = {};
    const uint32_t steps = slice_cols / kStep, tiles = (rows + 7) / 8;
    load_inputs(0);
    for (int step = 0; step < kStages - 1; ++step) load_units(step);
    store_inputs(0);
    for (uint32_t step = 0; step < steps; ++step) {
        wait_copies<kStages - 2>();
        __syncthreads();
        load_units(step + kStages - 1);
        if (step + 1 < steps) load_inputs(step + 1);
        const uint8_t* const inputs = buffer(step, slice);
        const uint8_t* const stage = ring + step % kStages * Shape::kStageBytes;
#pragma unroll
        for (uint32_t i = 0; i < kStep / kUnitCols; ++i) {
            if (step * (kStep / kUnitCols) + i >= unit_count) break;
            Format::template multiply<1, kTiles>(acc, stage + i * kUnitBytes, 0, inputs,
                                                 reinterpret_cast<const float*>(inputs + Shape::kInputBytes), i, tiles);
        }
        if (step + 1 < steps) store_inputs(step + 1);
    }
    wait_copies<0>();

    float* const handed = reinterpret_cast<float*>(shared) + lane;
    if constexpr (kSlices > 1) {
        constexpr uint32_t kSliceSums = Shape::kRowWarps * Shape::kSums;
        __syncthreads();
#pragma unroll
        for (int i = 0; i < kTiles * 4; ++i)
            if (slice > 0) handed[(slice - 1) * kSliceSums + row_warp * Shape::kSums + i * 32] = acc[0][i / 4][i % 4];
        __syncthreads();
        for (int other = 0; slice == 0 && other < kSlices - 1; ++other) {
#pragma unroll
            for (int i = 0; i < kTiles * 4; ++i)
                acc[0][i / 4][i % 4] += handed[other * kSliceSums + row_warp * Shape::kSums + i * 32];
        }
    }
    const uint32_t out_rows = a.has_group(index) && slice == 0 ? rows : 0;
    bool is_value = false;
    if constexpr (std::is_same_v<Arguments, LinearArguments>) {
        add_operands<kTiles>(acc[0], a, group, first_row, out_rows);
        const bool is_gate = a.gated && row_warp % 2 == 0;
        is_value = a.gated && !is_gate;
        if (a.gated) {
            float* const values = handed + Shape::kGatedAt + row_warp / 2 * Shape::kSums;
            if constexpr (kSlices == 1) __syncthreads();
#pragma unroll
            for (int i = 0; i < kTiles * 4; ++i)
                if (is_value && slice == 0) values[i * 32] = acc[0][i / 4][i % 4];
            __syncthreads();
#pragma unroll
            for (int i = 0; i < kTiles * 4; ++i)
                if (is_gate && slice == 0) acc[0][i / 4][i % 4] = silu_times(acc[0][i / 4][i % 4], values[i * 32]);
        }
    }
    if (!is_value) store_sums<kTiles>(acc[0], a, group, first_row, out_rows);
}

template <class Format, int kTiles, int kSlices>
__global__ void __launch_bounds__(kLinearThreads, LinearShape<Format, kTiles, kSlices>::kBlocks)
    linear_rows(LinearArguments a) {
    constexpr uint32_t kRows = LinearShape<Format, kTiles, kSlices>::kRows;
    const uint32_t first_row = blockIdx.x * kRows, all_rows = a.num_rows.count();
    if (first_row >= all_rows) return;
    multiply_rows<Format, kTiles, kSlices>(a, first_row, min(all_rows - first_row, kRows));
}

template <class Format, int kTiles, int kSlices>
void launch_narrow(const LinearArguments& arguments, cudaStream_t stream) {
    using Shape = LinearShape<Format, kTiles, kSlices>;
    const auto kernel = linear_rows<Format, kTiles, kSlices>;
    expect_success(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Shape::kSharedBytes),
                   "linear");
    const uint32_t x_blocks = (arguments.num_rows.most + Shape::kRows - 1) / Shape::kRows;
    const uint32_t per_block = Shape::kRowWarps * kUnitRows;
    const dim3 grid(x_blocks, (arguments.weight_rows + per_block - 1) / per_block);
    expect_success(launch(kernel, {grid, kLinearThreads, Shape::kSharedBytes}, stream, arguments), "linear");
}

}  // namespace aerie::cuda
