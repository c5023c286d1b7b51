// rms_norm of groups of a row's columns, in place: a warp a group, whose lanes sum the squares of every 32nd column
// each.
#include "cuda/device/op_rows.h"
#include "cuda/device/reduce.h"
#include "cuda/launch.h"

namespace aerie::cuda {
namespace {

constexpr uint32_t kThreads = 256, kWarps = kThreads / 32;

// x: of the first group on; its rows are `stride` apart.
__global__ void __launch_bounds__(kThreads) group_norm_rows(float* x, const float* weight, OpRows rows, uint32_t stride,
                                                            uint32_t num_groups, uint32_t cols, float eps) {
    const uint32_t row = blockIdx.x, group = blockIdx.y * kWarps + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= rows.count() || group >= num_groups) return;
    x += size_t(row) * stride + size_t(group) * cols;
    float squares = 0.0f;
    for (uint32_t i = lane; i < cols; i += 32) squares = fmaf(x[i], x[i], squares);
    const float inverse = 1.0f / sqrtf(warp_sum(squares) / float(cols) + eps);
    for (uint32_t i = lane; i < cols; i += 32) x[i] = x[i] * inverse * weight[i];
}

}  // namespace

void group_norm(const Op& op, const Launch& on) {
    const OpRows rows = rows_of(op, *op.out, on);
    if (!rows.most || !op.num_heads) return;
    expect_success(launch(group_norm_rows, {dim3(rows.most, (op.num_heads + kWarps - 1) / kWarps), kThreads}, on.stream,
                          floats(*op.out, on) + op.column, floats(*op.y, on), rows, op.out->cols, op.num_heads,
                          op.head_dim, op.scalar),
                   "group_norm");
}

}  // namespace aerie::cuda
