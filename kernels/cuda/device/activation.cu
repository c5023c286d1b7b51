// silu_mul and gelu_mul: out [rows, n] = activation(gate) * up (GLU variants, Shazeer 2020), x [rows, 2 n] = [gate |
// up].
#include "cuda/device/activation.h"
#include "cuda/device/op_rows.h"
#include "cuda/launch.h"

namespace aerie::cuda {
namespace {

__global__ void __launch_bounds__(kColumnThreads)
    silu_mul_rows(float* out, const float* x, OpRows rows, uint32_t cols) {
    const uint32_t row = blockIdx.x, col = column_of_thread();
    if (row >= rows.count() || col >= cols) return;
    const float* gate = x + size_t(row) * 2 * cols + col;
    out[size_t(row) * cols + col] = silu_times(gate[0], gate[cols]);
}

__global__ void __launch_bounds__(kColumnThreads)
    gelu_mul_rows(float* out, const float* x, OpRows rows, uint32_t cols) {
    const uint32_t row = blockIdx.x, col = column_of_thread();
    if (row >= rows.count() || col >= cols) return;
    const float* gate = x + size_t(row) * 2 * cols + col;
    out[size_t(row) * cols + col] = gelu_times(gate[0], gate[cols]);
}

using GateRows = void (*)(float* out, const float* x, OpRows rows, uint32_t cols);

void gate(GateRows kernel, const Op& op, const Launch& on) {
    const OpRows rows = rows_of(op, *op.out, on);
    if (!rows.most) return;
    expect_success(launch(kernel, {row_grid(rows.most, op.out->cols), kColumnThreads}, on.stream, floats(*op.out, on),
                          floats(*op.x, on), rows, op.out->cols),
                   name_of(op.kind));
}

}  // namespace

void silu_mul(const Op& op, const Launch& on) { gate(silu_mul_rows, op, on); }
void gelu_mul(const Op& op, const Launch& on) { gate(gelu_mul_rows, op, on); }

}  // namespace aerie::cuda
