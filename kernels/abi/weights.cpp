// aerie_file_* and aerie_weight_* of aerie.h.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/ranges.h"
#include "core/group_quantized.h"

namespace aerie {
File::~File() {
    if (data && !memory) munmap(const_cast<uint8_t*>(data), bytes);
}
}  // namespace aerie

using namespace aerie;

namespace {

// The weight, checked to have room for num_rows more.
Weight& checked_room(Context& context, const char* op, uint32_t handle, uint32_t num_rows) {
    Weight& weight = context.use<Weight>(handle, op, "weight");
    if (weight.packed) fail(AERIE_BAD_ARGUMENT, "%s: the weight is packed already", op);
    if (!num_rows || num_rows > weight.rows - weight.filled_rows)
        fail(AERIE_BAD_SHAPE, "%s: %u rows, expected 1..%u", op, num_rows, weight.rows - weight.filled_rows);
    return weight;
}

void append(Weight& weight, WeightPart part, uint32_t num_rows) {
    part.first_row = weight.filled_rows;
    part.num_rows = num_rows;
    weight.parts.push_back(std::move(part));
    weight.filled_rows += num_rows;
}

}  // namespace

int32_t entry::aerie_file_open(uint32_t handle, uint32_t* out, const char* path, uint32_t path_bytes) {
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

int32_t entry::aerie_file_create(uint32_t handle, uint32_t* out, const uint8_t* data, uint64_t bytes) {
    return guard(handle, [&](Context& context) {
        if (!data || !bytes) fail(AERIE_BAD_ARGUMENT, "file_create: no data");
        auto file = std::make_shared<File>();
        file->memory.reset(new uint8_t[bytes]);
        memcpy(file->memory.get(), data, bytes);
        file->data = file->memory.get();
        file->bytes = bytes;
        *out = context.objects.add(std::move(file));
    });
}

int32_t entry::aerie_file_close(uint32_t handle, uint32_t file) {
    return guard<CleanupCall>(handle, [&](Context& context) { context.release<File>(file, "file_close"); });
}

int32_t entry::aerie_weight_create(uint32_t handle, uint32_t* out, uint32_t rows, uint32_t cols) {
    return guard(handle, [&](Context& context) {
        if (!rows || !cols || rows > kMaxSide || cols > kMaxSide)
            fail(AERIE_BAD_SHAPE, "weight_create: [%u, %u]", rows, cols);
        auto weight = std::make_shared<Weight>();
        weight->rows = rows;
        weight->cols = cols;
        *out = context.objects.add(std::move(weight));
    });
}

int32_t entry::aerie_weight_append(uint32_t handle, uint32_t weight_handle, uint32_t file, uint64_t offset,
                                   uint64_t row_bytes, int32_t format, uint32_t num_rows,
                                   uint32_t interleaved_head_dim) {
    return guard(handle, [&](Context& context) {
        Weight& weight = checked_room(context, "weight_append", weight_handle, num_rows);
        if (interleaved_head_dim && (interleaved_head_dim % 2 || num_rows % interleaved_head_dim))
            fail(AERIE_BAD_SHAPE, "weight_append: %u rows are not whole heads of %u", num_rows, interleaved_head_dim);
        WeightPart part;
        part.file = context.share<File>(file, "weight_append", "file");
        part.format = checked_format(format);
        const size_t least = format_bytes(part.format, weight.cols);
        if (row_bytes && (row_bytes < least || row_bytes > SIZE_MAX / kMaxSide))
            fail(AERIE_BAD_SHAPE, "weight_append: row_bytes is %llu, expected 0 or at least %zu",
                 (unsigned long long)row_bytes, least);
        part.offset = offset;
        part.row_bytes = row_bytes ? row_bytes : least;
        checked_range("weight_append", *part.file, offset, part.format, num_rows, weight.cols, part.row_bytes);
        part.interleaved_head_dim = interleaved_head_dim;
        append(weight, std::move(part), num_rows);
    });
}

int32_t entry::aerie_weight_append_groups(uint32_t handle, uint32_t weight_handle, int32_t layout, uint32_t numbers,
                                          uint64_t numbers_offset, uint32_t scales, uint64_t scales_offset,
                                          int32_t scale_format, uint32_t zeros, uint64_t zeros_offset, uint32_t groups,
                                          uint64_t groups_offset, uint32_t num_rows, uint32_t group_rows,
                                          uint32_t group_cols) {
    return guard(handle, [&](Context& context) {
        constexpr const char* op = "weight_append_groups";
        Weight& weight = checked_room(context, op, weight_handle, num_rows);
        if (layout < AERIE_QUANT_FP8_E4M3 || layout > AERIE_QUANT_PACKED_INT8)
            fail(AERIE_UNSUPPORTED, "%s: layout %d is unknown", op, layout);
        auto matrix = std::make_shared<GroupQuantized>();
        matrix->layout = aerie_quant_layout(layout);
        matrix->rows = num_rows;
        matrix->cols = weight.cols;
        matrix->group_rows = group_rows;
        matrix->group_cols = group_cols;
        matrix->scale_format = checked_format(scale_format);
        matrix->check(op);
        const auto tensor = [&](uint32_t file, const char* name, uint64_t offset, size_t bytes) {
            const std::shared_ptr<File> source = context.share<File>(file, op, name);
            matrix->sources.push_back(source);
            if (!bytes || offset > source->bytes || bytes > source->bytes - offset)
                fail(AERIE_BAD_SHAPE, "%s: %zu bytes of %s at %llu exceed the file of %zu bytes", op, bytes, name,
                     (unsigned long long)offset, source->bytes);
            return source->data + offset;
        };
        matrix->numbers = tensor(numbers, "numbers", numbers_offset, matrix->number_bytes());
        matrix->scales = tensor(scales, "scales", scales_offset, matrix->scale_bytes());
        if (zeros) matrix->zeros = tensor(zeros, "zeros", zeros_offset, matrix->zero_bytes());
        if (groups) matrix->take_groups(op, tensor(groups, "groups", groups_offset, matrix->group_bytes()));
        WeightPart part;
        part.format = matrix->block_format();
        part.groups = std::move(matrix);
        append(weight, std::move(part), num_rows);
    });
}

int32_t entry::aerie_weight_pack(uint32_t handle, uint32_t weight_handle, int32_t float_dtype) {
    return guard(handle, [&](Context& context) {
        Weight& weight = context.use<Weight>(weight_handle, "weight_pack", "weight");
        if (weight.packed) fail(AERIE_BAD_ARGUMENT, "weight_pack: the weight is packed already");
        if (weight.filled_rows != weight.rows)
            fail(AERIE_BAD_SHAPE, "weight_pack: %u of %u rows are filled", weight.filled_rows, weight.rows);
        if (float_dtype < AERIE_F32 || float_dtype > AERIE_INT8)
            fail(AERIE_BAD_ARGUMENT, "weight_pack: float_dtype is %d", float_dtype);
        context.backend->pack(weight, aerie_dtype(float_dtype));
    });
}

int32_t entry::aerie_weight_bytes(uint32_t handle, double* bytes, uint32_t weight_handle) {
    return guard(handle, [&](Context& context) {
        *bytes = double(context.use<Weight>(weight_handle, "weight_bytes", "weight").bytes);
    });
}

int32_t entry::aerie_weight_release(uint32_t handle, uint32_t weight) {
    return guard<CleanupCall>(handle, [&](Context& context) { context.release<Weight>(weight, "weight_release"); });
}
