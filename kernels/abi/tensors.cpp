// aerie_tensor_* and aerie_batch_tensor of aerie.h.
#include <algorithm>

#include "abi/ranges.h"
#include "core/sizes.h"

using namespace aerie;

namespace {

std::shared_ptr<Tensor> new_tensor(Context& context, const char* op, uint32_t rows, uint32_t cols, int32_t dtype,
                                   std::shared_ptr<Batch> batch = nullptr, bool is_temporary = false) {
    if (!rows || !cols || rows > kMaxSide || cols > kMaxSide) fail(AERIE_BAD_SHAPE, "%s: [%u, %u]", op, rows, cols);
    if (dtype < AERIE_F32 || dtype > AERIE_BF16) fail(AERIE_UNSUPPORTED, "%s: dtype is %d", op, dtype);
    auto tensor = std::make_shared<Tensor>();
    tensor->capacity = rows;
    tensor->cols = cols;
    tensor->dtype = context.backend->kept_dtype(aerie_dtype(dtype), batch != nullptr);
    tensor->batch = std::move(batch);
    tensor->is_temporary = is_temporary;
    const uint64_t bytes = checked_bytes(op, {rows, cols, dtype_bytes(tensor->dtype)});
    if (!is_temporary || !context.backend->places_temporaries()) tensor->buffer = context.backend->allocate(bytes);
    return tensor;
}

std::shared_ptr<Tensor> new_batch_tensor(Context& context, const char* op, uint32_t batch_handle, int32_t scope,
                                         uint32_t cols, int32_t dtype, bool is_temporary) {
    auto batch = context.share<Batch>(batch_handle, op, "batch");
    if (scope < AERIE_ROWS || scope > AERIE_OUTPUT_SLICE) fail(AERIE_BAD_ARGUMENT, "%s: scope is %d", op, scope);
    const uint32_t rows = scope == AERIE_ROWS      ? batch->max_rows
                          : scope == AERIE_OUTPUTS ? batch->max_outputs
                                                   : std::min(batch->max_outputs, kSliceOutputs);
    auto tensor = new_tensor(context, op, rows, cols, dtype, std::move(batch), is_temporary);
    tensor->scope = aerie_scope(scope);
    return tensor;
}

size_t bytes_of(const Tensor& tensor, size_t num_rows) { return num_rows * tensor.cols * dtype_bytes(tensor.dtype); }

void check_rows(const char* op, const Tensor& tensor, const void* host, uint32_t first_row, uint32_t num_rows) {
    if (!host && num_rows) fail(AERIE_BAD_ARGUMENT, "%s: data is null", op);
    if (first_row > tensor.capacity || num_rows > tensor.capacity - first_row)
        fail(AERIE_BAD_SHAPE, "%s: rows %u + %u of %u", op, first_row, num_rows, tensor.capacity);
}

void upload_rows(Context& context, const Tensor& tensor, const float* data, size_t first_row, size_t num_rows) {
    const size_t offset = bytes_of(tensor, first_row), bytes = bytes_of(tensor, num_rows);
    if (tensor.dtype == AERIE_F32) return context.backend->upload(tensor.buffer, offset, data, bytes);
    std::vector<uint8_t> kept(bytes);
    narrow(kept.data(), data, num_rows * tensor.cols, tensor.dtype);
    context.backend->upload(tensor.buffer, offset, kept.data(), bytes);
}

}  // namespace

int32_t aerie_tensor_create(uint32_t handle, uint32_t* out, uint32_t rows, uint32_t cols, int32_t dtype) {
    return guard(handle, [&](Context& context) {
        *out = context.objects.add(new_tensor(context, "tensor_create", rows, cols, dtype));
    });
}

int32_t aerie_tensor_load(uint32_t handle, uint32_t* out, uint32_t file_handle, uint64_t offset, int32_t format,
                          uint32_t rows, uint32_t cols) {
    return guard(handle, [&](Context& context) {
        const File& file = context.use<File>(file_handle, "tensor_load", "file");
        auto tensor = new_tensor(context, "tensor_load", rows, cols, AERIE_F32);
        const aerie_format stored = checked_format(format);
        const size_t row_bytes = format_bytes(stored, cols);
        const uint8_t* data = checked_range("tensor_load", file, offset, stored, rows, cols, row_bytes);
        std::vector<float> row(cols);
        for (uint32_t r = 0; r < rows; ++r, data += row_bytes) {
            dequantize(row.data(), data, stored, cols);
            upload_rows(context, *tensor, row.data(), r, 1);
        }
        *out = context.objects.add(std::move(tensor));
    });
}

int32_t aerie_tensor_write(uint32_t handle, uint32_t tensor_handle, const float* data, uint32_t first_row,
                           uint32_t num_rows) {
    return guard(handle, [&](Context& context) {
        const Tensor& tensor = context.use<Tensor>(tensor_handle, "tensor_write", "tensor");
        expect_kept("tensor_write", tensor);
        check_rows("tensor_write", tensor, data, first_row, num_rows);
        upload_rows(context, tensor, data, first_row, num_rows);
    });
}

int32_t aerie_tensor_read(uint32_t handle, float* data, uint32_t tensor_handle, uint32_t first_row, uint32_t num_rows) {
    return guard(handle, [&](Context& context) {
        const Tensor& tensor = context.use<Tensor>(tensor_handle, "tensor_read", "tensor");
        expect_kept("tensor_read", tensor);
        check_rows("tensor_read", tensor, data, first_row, num_rows);
        const size_t offset = bytes_of(tensor, first_row), bytes = bytes_of(tensor, num_rows);
        if (tensor.dtype == AERIE_F32) return context.backend->download(data, tensor.buffer, offset, bytes);
        std::vector<uint8_t> kept(bytes);
        context.backend->download(kept.data(), tensor.buffer, offset, bytes);
        widen(data, kept.data(), size_t(num_rows) * tensor.cols, tensor.dtype);
    });
}

int32_t aerie_tensor_copy(uint32_t handle, uint32_t tensor_handle, const int32_t* from, const int32_t* to,
                          uint32_t num_rows) {
    return guard(handle, [&](Context& context) {
        Tensor& tensor = context.use<Tensor>(tensor_handle, "tensor_copy", "tensor");
        expect_kept("tensor_copy", tensor);
        check_copies(context, "tensor_copy", from, to, num_rows, tensor.capacity);
        context.backend->copy_rows(tensor, from, to, num_rows);
    });
}

int32_t aerie_tensor_release(uint32_t handle, uint32_t tensor) {
    return guard<CleanupCall>(handle, [&](Context& context) { context.release<Tensor>(tensor, "tensor_release"); });
}

int32_t aerie_batch_tensor(uint32_t handle, uint32_t* out, uint32_t batch, int32_t scope, uint32_t cols,
                           int32_t dtype) {
    return guard(handle, [&](Context& context) {
        *out = context.objects.add(new_batch_tensor(context, "batch_tensor", batch, scope, cols, dtype, false));
    });
}

int32_t aerie_batch_temporary(uint32_t handle, uint32_t* out, uint32_t batch, int32_t scope, uint32_t cols) {
    return guard(handle, [&](Context& context) {
        *out = context.objects.add(new_batch_tensor(context, "batch_temporary", batch, scope, cols, AERIE_F32, true));
    });
}
