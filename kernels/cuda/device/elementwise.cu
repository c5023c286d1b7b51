// add, scale and soft_cap: what is done to every number of a tensor by itself.
#include "cuda/device/math.h"
#include "cuda/device/op_rows.h"
#include "cuda/launch.h"

namespace aerie::cuda {
namespace {

// out may be x or y.
__global__ void __launch_bounds__(kColumnThreads)
    add_rows(float* out, const float* x, const float* y, OpRows rows, uint32_t cols, float factor) {
    const uint32_t row = blockIdx.x, col = column_of_thread();
    if (row >= rows.count() || col >= cols) return;
    const size_t at = size_t(row) * cols + col;
    out[at] = x[at] + y[at] * factor;
}

__global__ void __launch_bounds__(kColumnThreads) scale_rows(float* x, OpRows rows, uint32_t cols, float factor) {
    const uint32_t row = blockIdx.x, col = column_of_thread();
    if (row >= rows.count() || col >= cols) return;
    x[size_t(row) * cols + col] *= factor;
}

__global__ void __launch_bounds__(kColumnThreads) soft_cap_rows(float* x, OpRows rows, uint32_t cols, float cap) {
    const uint32_t row = blockIdx.x, col = column_of_thread();
    if (row >= rows.count() || col >= cols) return;
    float& number = x[size_t(row) * cols + col];
    number = cap * tanh_of(number / cap);
}

using ChangeRows = void (*)(float* x, OpRows rows, uint32_t cols, float number);

// An op that changes its tensor in place by one number.
void change(ChangeRows kernel, const Op& op, const Launch& on) {
    const OpRows rows = rows_of(op, *op.out, on);
    if (!rows.most) return;
    expect_success(launch(kernel, {row_grid(rows.most, op.out->cols), kColumnThreads}, on.stream, floats(*op.out, on),
                          rows, op.out->cols, op.scalar),
                   name_of(op.kind));
}

}  // namespace

void add(const Op& op, const Launch& on) {
    const OpRows rows = rows_of(op, *op.out, on);
    if (!rows.most) return;
    expect_success(launch(add_rows, {row_grid(rows.most, op.out->cols), kColumnThreads}, on.stream, floats(*op.out, on),
                          floats(*op.x, on), floats(*op.y, on), rows, op.out->cols, op.scalar),
                   "add");
}

void scale(const Op& op, const Launch& on) { change(scale_rows, op, on); }
void soft_cap(const Op& op, const Launch& on) { change(soft_cap_rows, op, on); }

}  // namespace aerie::cuda
