// aerie_file_*, aerie_weight_* and aerie_tensor_* of aerie.h.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/context.h"
#include "core/formats.h"

using namespace aerie;

namespace {

constexpr uint32_t kMaxSide = 1u << 24;  // rows or columns of anything

aerie_format checked_format(int32_t format) {
    if (format < AERIE_FORMAT_F32 || format > AERIE_FORMAT_Q6_K)
        fail(AERIE_UNSUPPORTED, "format: %d is unknown", format);
    return aerie_format(format);
}

// The range of [rows, cols] at offset, row_bytes from one to the next, checked against the file.
const uint8_t* checked_range(const char* op, const File& file, uint64_t offset, aerie_format format, uint32_t rows,
                             uint32_t cols, uint64_t row_bytes) {
    const size_t bytes = row_bytes * (rows - 1) + format_bytes(format, cols);
    if (offset > file.bytes || bytes > file.bytes - offset)
        fail(AERIE_BAD_SHAPE, "%s: %zu bytes at %llu exceed the file of %zu bytes", op, bytes,
             (unsigned long long)offset, file.bytes);
    return file.data + offset;
}

std::shared_ptr<Tensor> new_tensor(const char* op, uint32_t rows, uint32_t cols) {
    if (!rows || !cols || rows > kMaxSide || cols > kMaxSide) fail(AERIE_BAD_SHAPE, "%s: [%u, %u]", op, rows, cols);
    auto tensor = std::make_shared<Tensor>();
    tensor->capacity = rows;
    tensor->cols = cols;
    tensor->memory = Memory(size_t(rows) * cols * sizeof(float));
    tensor->data = reinterpret_cast<float*>(tensor->memory.data());
    return tensor;
}

// Pointer to the first of num_rows rows, checked.
float* checked_rows(const char* op, Tensor& tensor, const void* host, uint32_t first_row, uint32_t num_rows) {
    if (!host && num_rows) fail(AERIE_BAD_ARGUMENT, "%s: data is null", op);
    if (first_row > tensor.capacity || num_rows > tensor.capacity - first_row)
        fail(AERIE_BAD_SHAPE, "%s: rows %u + %u of %u", op, first_row, num_rows, tensor.capacity);
    return tensor.data + size_t(first_row) * tensor.cols;
}

}  // namespace

int32_t aerie_file_open(uint32_t handle, uint32_t* out, const char* path, uint32_t path_bytes) {
    return guard(handle, [&](Context& context) {
        if (!path) fail(AERIE_BAD_ARGUMENT, "file_open: path is null");
        const std::string name(path, path_bytes);
        const int fd = open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0) fail(AERIE_BAD_ARGUMENT, "file_open: cannot open %s: %s", name.c_str(), strerror(errno));
        struct stat info;
        const bool known = !fstat(fd, &info) && S_ISREG(info.st_mode) && info.st_size > 0;
        void* data = known ? mmap(nullptr, size_t(info.st_size), PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
        close(fd);
        if (data == MAP_FAILED) fail(AERIE_BAD_ARGUMENT, "file_open: cannot map %s", name.c_str());
        auto file = std::make_shared<File>();
        file->data = static_cast<const uint8_t*>(data);
        file->bytes = size_t(info.st_size);
        *out = context.objects.add(std::move(file));
    });
}

int32_t aerie_file_create(uint32_t handle, uint32_t* out, const uint8_t* data, uint64_t bytes) {
    return guard(handle, [&](Context& context) {
        if (!data || !bytes) fail(AERIE_BAD_ARGUMENT, "file_create: no data");
        auto file = std::make_shared<File>();
        file->memory = Memory(bytes);
        memcpy(file->memory.data(), data, bytes);
        file->data = file->memory.data();
        file->bytes = bytes;
        *out = context.objects.add(std::move(file));
    });
}

int32_t aerie_file_close(uint32_t handle, uint32_t file) {
    return guard(handle, [&](Context& context) { context.release<File>(file, "file_close"); });
}

int32_t aerie_weight_create(uint32_t handle, uint32_t* out, uint32_t rows, uint32_t cols) {
    return guard(handle, [&](Context& context) {
        if (!rows || !cols || rows > kMaxSide || cols > kMaxSide)
            fail(AERIE_BAD_SHAPE, "weight_create: [%u, %u]", rows, cols);
        auto weight = std::make_shared<Weight>();
        weight->rows = rows;
        weight->cols = cols;
        *out = context.objects.add(std::move(weight));
    });
}

int32_t aerie_weight_append(uint32_t handle, uint32_t weight_handle, uint32_t file, uint64_t offset, uint64_t row_bytes,
                            int32_t format, uint32_t num_rows, uint32_t interleaved_head_dim) {
    return guard(handle, [&](Context& context) {
        Weight& weight = context.use<Weight>(weight_handle, "weight_append", "weight");
        if (weight.packed) fail(AERIE_BAD_ARGUMENT, "weight_append: the weight is packed already");
        if (!num_rows || num_rows > weight.rows - weight.filled_rows)
            fail(AERIE_BAD_SHAPE, "weight_append: %u rows, expected 1..%u", num_rows, weight.rows - weight.filled_rows);
        if (interleaved_head_dim && (interleaved_head_dim % 2 || num_rows % interleaved_head_dim))
            fail(AERIE_BAD_SHAPE, "weight_append: %u rows are not whole heads of %u", num_rows, interleaved_head_dim);
        context.use<File>(file, "weight_append", "file");
        WeightPart part;
        part.file = std::dynamic_pointer_cast<File>(context.objects.get(file));
        part.format = checked_format(format);
        const size_t least = format_bytes(part.format, weight.cols);
        if (row_bytes && (row_bytes < least || row_bytes > SIZE_MAX / kMaxSide))
            fail(AERIE_BAD_SHAPE, "weight_append: row_bytes is %llu, expected 0 or at least %zu",
                 (unsigned long long)row_bytes, least);
        part.offset = offset;
        part.row_bytes = row_bytes ? row_bytes : least;
        checked_range("weight_append", *part.file, offset, part.format, num_rows, weight.cols, part.row_bytes);
        part.first_row = weight.filled_rows;
        part.num_rows = num_rows;
        part.interleaved_head_dim = interleaved_head_dim;
        weight.parts.push_back(std::move(part));
        weight.filled_rows += num_rows;
    });
}

int32_t aerie_weight_pack(uint32_t handle, uint32_t weight_handle, int32_t float_dtype) {
    return guard(handle, [&](Context& context) {
        Weight& weight = context.use<Weight>(weight_handle, "weight_pack", "weight");
        if (weight.packed) fail(AERIE_BAD_ARGUMENT, "weight_pack: the weight is packed already");
        if (weight.filled_rows != weight.rows)
            fail(AERIE_BAD_SHAPE, "weight_pack: %u of %u rows are filled", weight.filled_rows, weight.rows);
        if (float_dtype < AERIE_F32 || float_dtype > AERIE_INT8)
            fail(AERIE_BAD_ARGUMENT, "weight_pack: float_dtype is %d", float_dtype);
        context.backend->pack(weight, aerie_dtype(float_dtype));
        weight.packed = true;
    });
}

int32_t aerie_weight_bytes(uint32_t handle, double* bytes, uint32_t weight_handle) {
    return guard(handle, [&](Context& context) {
        *bytes = double(context.use<Weight>(weight_handle, "weight_bytes", "weight").bytes);
    });
}

int32_t aerie_weight_release(uint32_t handle, uint32_t weight) {
    return guard(handle, [&](Context& context) { context.release<Weight>(weight, "weight_release"); });
}

int32_t aerie_tensor_create(uint32_t handle, uint32_t* out, uint32_t rows, uint32_t cols) {
    return guard(handle,
                 [&](Context& context) { *out = context.objects.add(new_tensor("tensor_create", rows, cols)); });
}

int32_t aerie_tensor_load(uint32_t handle, uint32_t* out, uint32_t file_handle, uint64_t offset, int32_t format,
                          uint32_t rows, uint32_t cols) {
    return guard(handle, [&](Context& context) {
        const File& file = context.use<File>(file_handle, "tensor_load", "file");
        auto tensor = new_tensor("tensor_load", rows, cols);
        const aerie_format stored = checked_format(format);
        const uint8_t* data =
            checked_range("tensor_load", file, offset, stored, rows, cols, format_bytes(stored, cols));
        dequantise(tensor->data, data, stored, size_t(rows) * cols);
        *out = context.objects.add(std::move(tensor));
    });
}

int32_t aerie_tensor_write(uint32_t handle, uint32_t tensor_handle, const float* data, uint32_t first_row,
                           uint32_t num_rows) {
    return guard(handle, [&](Context& context) {
        Tensor& tensor = context.use<Tensor>(tensor_handle, "tensor_write", "tensor");
        float* at = checked_rows("tensor_write", tensor, data, first_row, num_rows);
        memcpy(at, data, size_t(num_rows) * tensor.cols * sizeof(float));
    });
}

int32_t aerie_tensor_read(uint32_t handle, float* data, uint32_t tensor_handle, uint32_t first_row, uint32_t num_rows) {
    return guard(handle, [&](Context& context) {
        Tensor& tensor = context.use<Tensor>(tensor_handle, "tensor_read", "tensor");
        const float* at = checked_rows("tensor_read", tensor, data, first_row, num_rows);
        memcpy(data, at, size_t(num_rows) * tensor.cols * sizeof(float));
    });
}

int32_t aerie_tensor_move(uint32_t handle, uint32_t tensor_handle, const int32_t* from, const int32_t* to,
                          uint32_t num_rows) {
    return guard(handle, [&](Context& context) {
        Tensor& tensor = context.use<Tensor>(tensor_handle, "tensor_move", "tensor");
        check_moves(context, "tensor_move", from, to, num_rows, tensor.capacity);
        const size_t cols = tensor.cols;
        for (uint32_t i = 0; i < num_rows; ++i)
            memmove(tensor.data + size_t(to[i]) * cols, tensor.data + size_t(from[i]) * cols, cols * sizeof(float));
    });
}

int32_t aerie_tensor_release(uint32_t handle, uint32_t tensor) {
    return guard(handle, [&](Context& context) { context.release<Tensor>(tensor, "tensor_release"); });
}

int32_t aerie_batch_tensor(uint32_t handle, uint32_t* out, uint32_t batch_handle, int32_t scope, uint32_t cols) {
    return guard(handle, [&](Context& context) {
        context.use<Batch>(batch_handle, "batch_tensor", "batch");
        auto batch = std::dynamic_pointer_cast<Batch>(context.objects.get(batch_handle));
        if (scope != AERIE_ROWS && scope != AERIE_OUTPUTS) fail(AERIE_BAD_ARGUMENT, "batch_tensor: scope is %d", scope);
        auto tensor = new_tensor("batch_tensor", scope == AERIE_ROWS ? batch->max_rows : batch->max_outputs, cols);
        tensor->batch = std::move(batch);
        tensor->scope = aerie_scope(scope);
        *out = context.objects.add(std::move(tensor));
    });
}
