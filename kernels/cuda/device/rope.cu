// Rotary position embedding (Su et al. 2021) in the half-split order of Hugging Face checkpoints.
#include "cuda/device/math.h"
#include "cuda/device/op_rows.h"
#include "cuda/device/rotation.h"
#include "cuda/launch.h"

namespace aerie::cuda {
namespace {

// out: cosines [half], then sines [half], times `scale`.
__global__ void __launch_bounds__(kColumnThreads)
    angles_of_rows(float* out, const float* frequencies, OpRows rows, uint32_t half, float scale) {
    const uint32_t row = blockIdx.x, i = column_of_thread();
    if (row >= rows.count() || i >= half) return;
    double sine, cosine;
    sine_cosine_of(double(arrays_in(rows.block).positions[row]) * double(frequencies[i]), sine, cosine);
    out += size_t(row) * 2 * half + i;
    out[0] = float(cosine) * scale;
    out[half] = float(sine) * scale;
}

__global__ void __launch_bounds__(kColumnThreads) rotate_rows(float* x, const float* angles, OpRows rows, uint32_t cols,
                                                              uint32_t num_heads, uint32_t head_dim, uint32_t half) {
    const uint32_t row = blockIdx.x, pair = column_of_thread();
    if (row >= rows.count() || pair >= num_heads * half) return;
    const uint32_t i = pair % half;
    x += size_t(row) * cols + pair / half * head_dim + i;
    const float2 turned = rotated(make_float2(x[0], x[half]), angles + size_t(row) * 2 * half, i, half);
    x[0] = turned.x;
    x[half] = turned.y;
}

}  // namespace

void rope_angles(const Op& op, const Launch& on) {
    const OpRows rows = rows_of(op, *op.out, on);
    if (!rows.most) return;
    expect_success(launch(angles_of_rows, {row_grid(rows.most, op.x->cols), kColumnThreads}, on.stream,
                          floats(*op.out, on), floats(*op.x, on), rows, op.x->cols, op.scalar),
                   "rope_angles");
}

void rope(const Op& op, const Launch& on) {
    const OpRows rows = rows_of(op, *op.out, on);
    const uint32_t half = op.y->cols / 2;
    if (!rows.most || !op.num_heads) return;
    expect_success(launch(rotate_rows, {row_grid(rows.most, op.num_heads * half), kColumnThreads}, on.stream,
                          floats(*op.out, on), floats(*op.y, on), rows, op.out->cols, op.num_heads, op.head_dim, half),
                   "rope");
}

}  // namespace aerie::cuda
