// Which kernel of linear takes a launch: a choice that changes no bit.
#pragma once
#include "cuda/device/linear.h"
#include "cuda/device/linear_wide.h"
#include "cuda/pack.h"

namespace aerie::cuda {

// Blocks from which on the wide kernel fills a device: it has no more of them for slices of the inputs.
constexpr uint32_t kManyBlocks = 64;

template <class Format, int kSlices>
void launch_linear(const LinearArguments& arguments, cudaStream_t stream) {
    const uint32_t most = arguments.num_rows.most;
    const dim3 wide = wide_grid<Format>(arguments);
    if (most > 64 && wide.x * wide.y >= kManyBlocks)
        launch_wide<Format>(arguments, stream);
    else if (most > 32)
        launch_narrow<Format, 8, kSlices>(arguments, stream);
    else if (most > 16)
        launch_narrow<Format, 4, kSlices>(arguments, stream);
    else if (most > 8)
        launch_narrow<Format, 2, kSlices>(arguments, stream);
    else
        launch_narrow<Format, 1, kSlices>(arguments, stream);
}

// A format's kernels: a function for every number of slices.
using LinearLauncher = void (*)(const LinearArguments& arguments, cudaStream_t stream);
template <class Format>
LinearLauncher linear_launcher(uint32_t slices) {
    return slices == 1 ? &launch_linear<Format, 1> : &launch_linear<Format, int(kMostSlices)>;
}

}  // namespace aerie::cuda
