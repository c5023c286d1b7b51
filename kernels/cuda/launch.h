// Launching kernels in plain C++, which a compiler without <<<>>> reads too.
#pragma once
#include <cuda_runtime.h>

namespace aerie::cuda {

struct Shape {
    dim3 grid, block;
    size_t shared_bytes = 0;  // dynamic
};

// Launches a kernel; arguments are converted to its parameters' types.
template <class... Parameters, class... Arguments>
cudaError_t launch(void (*kernel)(Parameters...), const Shape& shape, cudaStream_t stream, Arguments... arguments) {
    cudaLaunchConfig_t config = {};
    config.gridDim = shape.grid;
    config.blockDim = shape.block;
    config.dynamicSmemBytes = shape.shared_bytes;
    config.stream = stream;
    return cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...);
}

}  // namespace aerie::cuda
