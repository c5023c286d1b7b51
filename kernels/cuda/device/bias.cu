// x += bias, in place.
#include "cuda/device/op_rows.h"
#include "cuda/launch.h"

namespace aerie::cuda {
namespace {

__global__ void __launch_bounds__(kColumnThreads)
    add_bias_rows(float* x, const float* bias, OpRows rows, uint32_t cols) {
    const uint32_t row = blockIdx.x, col = column_of_thread();
    if (row >= rows.count() || col >= cols) return;
    x[size_t(row) * cols + col] += bias[col];
}

}  // namespace

void add_bias(const Op& op, const Launch& on) {
    const OpRows rows = rows_of(op, *op.out, on);
    if (!rows.most) return;
    expect_success(launch(add_bias_rows, {row_grid(rows.most, op.out->cols), kColumnThreads}, on.stream,
                          floats(*op.out, on), floats(*op.y, on), rows, op.out->cols),
                   "add_bias");
}

}  // namespace aerie::cuda
