// Rows between a batch's tensors and wider ones that are addressed by output, source index or KV slot.
#include "cuda/device/numbers.h"
#include "cuda/device/op_rows.h"
#include "cuda/launch.h"

namespace aerie::cuda {
namespace {

__global__ void __launch_bounds__(kColumnThreads)
    gather_output_rows(float* out, const float* x, OpRows rows, uint32_t cols) {
    const uint32_t row = blockIdx.x, col = column_of_thread();
    if (row >= rows.count() || col >= cols) return;
    const auto source = uint32_t(arrays_in(rows.block).outputs[rows.first_output + row]);
    out[size_t(row) * cols + col] = x[size_t(source) * cols + col];
}

template <class T>
__global__ void __launch_bounds__(kColumnThreads)
    gather_source_rows(float* out, const T* x, OpRows rows, uint32_t cols, uint32_t x_cols) {
    const uint32_t row = blockIdx.x, col = column_of_thread();
    if (row >= rows.count() || col >= cols) return;
    const auto source = uint32_t(arrays_in(rows.block).sources[row]);
    out[size_t(row) * cols + col] = widen(x[size_t(source) * x_cols + col]);
}

template <class T>
__global__ void __launch_bounds__(kColumnThreads)
    store_slot_rows(T* out, const float* x, OpRows rows, uint32_t cols, uint32_t out_cols) {
    const uint32_t row = blockIdx.x, col = column_of_thread();
    if (row >= rows.count() || col >= cols) return;
    const auto slot = uint32_t(arrays_in(rows.block).slots[row]);
    out[size_t(slot) * out_cols + col] = narrow<T>(x[size_t(row) * cols + col]);
}

}  // namespace

void gather_outputs(const Op& op, const Launch& on) {
    const OpRows rows = rows_of(op, *op.out, on);
    if (!rows.most) return;
    expect_success(launch(gather_output_rows, {row_grid(rows.most, op.out->cols), kColumnThreads}, on.stream,
                          floats(*op.out, on), floats(*op.x, on), rows, op.out->cols),
                   "gather_outputs");
}

void gather_rows(const Op& op, const Launch& on) {
    const OpRows rows = rows_of(op, *op.out, on);
    if (!rows.most) return;
    const auto run = [&]<class T>(T) {
        const T* x = static_cast<const T*>(op.x->buffer.address) + op.column;
        return launch(gather_source_rows<T>, {row_grid(rows.most, op.out->cols), kColumnThreads}, on.stream,
                      floats(*op.out, on), x, rows, op.out->cols, op.x->cols);
    };
    expect_success(with_type(op.x->dtype, run), "gather_rows");
}

void store_rows(const Op& op, const Launch& on) {
    const OpRows rows = rows_of(op, *op.x, on);
    if (!rows.most) return;
    const auto run = [&]<class T>(T) {
        T* out = static_cast<T*>(op.out->buffer.address) + op.column;
        return launch(store_slot_rows<T>, {row_grid(rows.most, op.x->cols), kColumnThreads}, on.stream, out,
                      floats(*op.x, on), rows, op.x->cols, op.out->cols);
    };
    expect_success(with_type(op.out->dtype, run), "store_rows");
}

}  // namespace aerie::cuda
