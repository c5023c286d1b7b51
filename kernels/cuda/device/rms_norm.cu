// out = x / sqrt(mean(x^2) + eps) * weight (Zhang & Sennrich 2019): one block a row, whose threads sum the squares of
// every 256th column each.
#include "cuda/device/op_rows.h"
#include "cuda/device/reduce.h"
#include "cuda/launch.h"

namespace aerie::cuda {
namespace {

constexpr uint32_t kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    rms_norm_rows(float* out, const float* x, const float* weight, OpRows rows, uint32_t cols, float eps) {
    __shared__ float warps[kThreads / 32];
    const uint32_t row = blockIdx.x;
    if (row >= rows.count()) return;
    x += size_t(row) * cols;
    out += size_t(row) * cols;
    float squares = 0.0f;
    for (uint32_t i = threadIdx.x; i < cols; i += kThreads) squares = fmaf(x[i], x[i], squares);
    const float inverse = 1.0f / sqrtf(block_sum<kThreads>(squares, warps) / float(cols) + eps);
    for (uint32_t i = threadIdx.x; i < cols; i += kThreads) out[i] = x[i] * inverse * weight[i];
}

}  // namespace

void rms_norm(const Op& op, const Launch& on) {
    const OpRows rows = rows_of(op, *op.out, on);
    if (!rows.most) return;
    expect_success(launch(rms_norm_rows, {rows.most, kThreads}, on.stream, floats(*op.out, on), floats(*op.x, on),
                          floats(*op.y, on), rows, op.out->cols, op.scalar),
                   "rms_norm");
}

}  // namespace aerie::cuda
