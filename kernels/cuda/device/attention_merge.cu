#include "cuda/device/attention_merge.h"

#include "cuda/launch.h"

namespace aerie::cuda {
namespace {

constexpr uint32_t kThreads = 128;

__global__ void __launch_bounds__(kThreads)
    merge_rows(float* out, const float* partials, const uint8_t* block, AttentionShape shape, size_t scratch_floats) {
    const BatchArrays arrays = arrays_in(block);
    const uint32_t row = blockIdx.x, head = blockIdx.y, dim = shape.kv.head_dim;
    if (row >= arrays.num_rows || !shape.has_room(arrays, scratch_floats)) return;
    const uint32_t num_chunks = chunks_of_row(arrays, shape.window, row).count();
    if (num_chunks == 1) return;
    partials += shape.partial(arrays, row, head, 0);
    out += (size_t(row) * shape.num_heads + head) * dim;
    for (uint32_t d = threadIdx.x; d < dim; d += kThreads) {
        const float* partial = partials;
        float sum = partial[d];
        Softmax all = *reinterpret_cast<const Softmax*>(partial + dim);
        for (uint32_t chunk = 1; chunk < num_chunks; ++chunk) {
            partial += shape.partial_floats();
            sum = merged(sum, partial[d], merge(all, *reinterpret_cast<const Softmax*>(partial + dim)));
        }
        out[d] = sum / all.mass;
    }
}

}  // namespace

cudaError_t merge_chunks(float* out, const float* partials, const uint8_t* block, const AttentionShape& shape,
                         size_t scratch_floats, uint32_t max_rows, cudaStream_t stream) {
    return launch(merge_rows, {dim3(max_rows, shape.num_heads), kThreads}, stream, out, partials, block, shape,
                  scratch_floats);
}

}  // namespace aerie::cuda
