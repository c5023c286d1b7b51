// The kernel of linear for many rows, whatever the format of the weights: a block has the products of 128 rows of the
// weight and 128 rows of x. Its bits are those of the kernel for few rows (linear.h).
//
// A warp has two groups of 16 rows of the weight and 64 rows of x, so that each number it brings from shared memory is
// multiplied more often than there; the block's threads bring units of the weight as they bring x. Slices of the inputs
// follow one another: where one ends, its sum is added to those before.
#pragma once
#include "cuda/device/linear_epilogue.h"
#include "cuda/device/linear_formats.h"
#include "cuda/launch.h"

namespace aerie::cuda {

template <class Format>
struct WideShape {
    static constexpr int kThreads = 256, kTiles = 8, kHalfRows = kTiles * 8, kHalves = 2, kRows = kHalves * kHalfRows;
    static constexpr int kUnits = 2, kGroups = kThreads / 32 / kHalves * kUnits;  // groups: of a block
    // Inputs that a warp multiplies between two barriers.
    static constexpr int kStep = 32, kStages = 4;
    static constexpr int kGroupBytes = kStep / int(unit_cols(Format::kUnit)) * int(unit_bytes(Format::kUnit));
    static constexpr int kStageBytes = kGroups * kGroupBytes, kRingBytes = kStages * kStageBytes;
    static constexpr int kInputBytes = kHalfRows * kStep * Format::kInputBytes;
    static constexpr int kSumBytes = Format::kNeedsSums ? kHalfRows * kStep / int(kBlockInputs) * 4 : 0;
    static constexpr int kHalfBytes = kInputBytes + kSumBytes, kBufferBytes = kHalves * kHalfBytes;
    static constexpr int kSharedBytes = kRingBytes + 2 * kBufferBytes;
    // Four inputs each that a thread loads a step.
    static constexpr int kLoads = kRows * kStep / 4 / kThreads;
    static_assert(kSharedBytes <= 99 * 1024, "what a block may have on every device of 8.0 or newer");
};

template <class Format>
__global__ void __launch_bounds__(WideShape<Format>::kThreads, 1) linear_wide(LinearArguments a) {
    using Shape = WideShape<Format>;
    constexpr int kTiles = Shape::kTiles, kUnits = Shape::kUnits, kStep = Shape::kStep, kStages = Shape::kStages;
    constexpr uint32_t kUnitCols = unit_cols(Format::kUnit), kUnitBytes = unit_bytes(Format::kUnit);
    constexpr uint32_t kPerStep = kStep / kUnitCols;
    const uint32_t first_row = blockIdx.x * Shape::kRows, all_rows = a.num_rows.count();
    if (first_row >= all_rows) return;
    const uint32_t rows = min(all_rows - first_row, uint32_t(Shape::kRows));
    uint8_t* const shared = dynamic_shared<uint8_t>();
    const uint32_t warp = threadIdx.x / 32, half = warp % Shape::kHalves, pair = warp / Shape::kHalves;
    const uint32_t first_index = blockIdx.y * Shape::kGroups, index = first_index + pair * kUnits;

    const uint32_t units = (a.cols + kUnitCols - 1) / kUnitCols, steps = (units + kPerStep - 1) / kPerStep;
    // Groups that the weight does not have are zeros.
    const auto load_units = [&](uint32_t step) {
        const uint32_t count = step < steps ? min(kPerStep, units - step * kPerStep) : 0;
        uint8_t* const stage = shared + step % kStages * Shape::kStageBytes;
        for (uint32_t i = threadIdx.x; i < uint32_t(Shape::kStageBytes) / 16; i += Shape::kThreads) {
            const uint32_t slot = i * 16 / Shape::kGroupBytes, at = i * 16 % Shape::kGroupBytes;
            if (at >= count * kUnitBytes) continue;
            const bool is_there = a.has_group(first_index + slot);
            const size_t unit = (is_there ? size_t(a.group(first_index + slot)) : 0) * units + step * kPerStep;
            copy_async(stage + i * 16, a.weight + unit * kUnitBytes + at, is_there ? 16 : 0);
        }
        commit_copies();
    };

    // This thread's share of x: quads of neighbouring threads are neighbours in a row.
    constexpr uint32_t kQuads = kStep / 4;
    const bool is_aligned = a.cols % 4 == 0;
    float4 quads[Shape::kLoads];
    const auto load_inputs = [&](uint32_t step) {
#pragma unroll
        for (int i = 0; i < Shape::kLoads; ++i) {
            const uint32_t quad = threadIdx.x + i * Shape::kThreads, row = quad / kQuads;
            const uint32_t k = step * kStep + quad % kQuads * 4;
            quads[i] = load_quad(a.x + size_t(first_row + row) * a.cols, k, row < rows ? a.cols : 0, is_aligned);
        }
    };
    const auto buffer = [&](uint32_t step, uint32_t of_half) {
        return shared + Shape::kRingBytes + step % 2 * Shape::kBufferBytes + of_half * Shape::kHalfBytes;
    };
    const auto store_inputs = [&](uint32_t step) {
#pragma unroll
        for (int i = 0; i < Shape::kLoads; ++i) {
            const uint32_t quad = threadIdx.x + i * Shape::kThreads, row = quad / kQuads, k = quad % kQuads * 4;
            uint8_t* const to = buffer(step, row / Shape::kHalfRows);
            Format::template store<kTiles>(to, quads[i], row % Shape::kHalfRows, k);
            if constexpr (Format::kNeedsSums) {
                const float sum = Format::sum_of_block(quads[i]);
                if (k == 0) reinterpret_cast<float*>(to + Shape::kInputBytes)[row % Shape::kHalfRows] = sum;
            }
        }
    };

    // sums: of the slices that ended; adding to -0 changes nothing.
    float acc[kUnits][kTiles][4] = {}, sums[kUnits][kTiles][4];
#pragma unroll
    for (int i = 0; i < kUnits * kTiles * 4; ++i) sums[i / 4 / kTiles][i / 4 % kTiles][i % 4] = -0.0f;
    const uint32_t all_slices = a.slices * kSliceInputs;
    const uint32_t slice_steps = (a.cols + all_slices - 1) / all_slices * kSliceInputs / kStep;
    const uint32_t first_of_half = half * Shape::kHalfRows;
    const uint32_t half_rows = rows > first_of_half ? min(rows - first_of_half, uint32_t(Shape::kHalfRows)) : 0;
    const uint32_t tiles = a.has_group(index) ? (half_rows + 7) / 8 : 0;
    load_inputs(0);
    for (int step = 0; step < kStages - 1; ++step) load_units(step);
    store_inputs(0);
    // A slice without inputs adds zeros.
    for (uint32_t slice = 0, step = 0; slice < a.slices; ++slice) {
        for (const uint32_t end = min(steps, (slice + 1) * slice_steps); step < end; ++step) {
            wait_copies<kStages - 2>();
            __syncthreads();
            load_units(step + kStages - 1);
            if (step + 1 < steps) load_inputs(step + 1);
            const uint8_t* const inputs = buffer(step, half);
            const uint8_t* const stage =
                shared + step % kStages * Shape::kStageBytes + pair * kUnits * Shape::kGroupBytes;
#pragma unroll
            for (uint32_t i = 0; i < kPerStep; ++i) {
                if (!tiles || step * kPerStep + i >= units) break;
                Format::template multiply<kUnits, kTiles>(acc, stage + i * kUnitBytes, Shape::kGroupBytes, inputs,
                                                          reinterpret_cast<const float*>(inputs + Shape::kInputBytes),
                                                          i, tiles);
            }
            if (step + 1 < steps) store_inputs(step + 1);
        }
#pragma unroll
        for (int i = 0; i < kUnits * kTiles * 4; ++i) {
            float& of_slice = acc[i / 4 / kTiles][i / 4 % kTiles][i % 4];
            sums[i / 4 / kTiles][i / 4 % kTiles][i % 4] += of_slice;
            of_slice = 0;
        }
    }
    wait_copies<0>();

    const uint32_t first = first_row + first_of_half;
#pragma unroll
    for (int i = 0; i < kUnits; ++i)
        add_operands<kTiles>(sums[i], a, a.group(index + i), first, a.has_group(index + i) ? half_rows : 0);
    if (a.gated) {
#pragma unroll
        for (int i = 0; i < kTiles * 4; ++i)
            sums[0][i / 4][i % 4] = silu_times(sums[0][i / 4][i % 4], sums[1][i / 4][i % 4]);
    }
#pragma unroll
    for (int i = 0; i < kUnits; ++i)
        if (i == 0 || !a.gated)
            store_sums<kTiles>(sums[i], a, a.group(index + i), first, a.has_group(index + i) ? half_rows : 0);
}

// Blocks of the kernel for so many rows.
template <class Format>
dim3 wide_grid(const LinearArguments& arguments) {
    using Shape = WideShape<Format>;
    constexpr uint32_t kCols = Shape::kGroups * kUnitRows;
    return dim3((arguments.num_rows.most + Shape::kRows - 1) / Shape::kRows,
                (arguments.weight_rows + kCols - 1) / kCols);
}

template <class Format>
void launch_wide(const LinearArguments& arguments, cudaStream_t stream) {
    using Shape = WideShape<Format>;
    const auto kernel = linear_wide<Format>;
    expect_success(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Shape::kSharedBytes),
                   "linear");
    expect_success(
        launch(kernel, {wide_grid<Format>(arguments), Shape::kThreads, Shape::kSharedBytes}, stream, arguments),
        "linear");
}

}  // namespace aerie::cuda
