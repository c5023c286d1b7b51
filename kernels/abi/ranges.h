// Checks of what a file holds, for weights and tensors.
#pragma once
#include "abi/context.h"
#include "core/formats.h"

namespace aerie {

constexpr uint32_t kMaxSide = 1u << 24;  // rows or columns of anything

inline aerie_format checked_format(int32_t format) {
    if (format < AERIE_FORMAT_F32 || format > AERIE_FORMAT_MXFP4)
        fail(AERIE_UNSUPPORTED, "format: %d is unknown", format);
    return aerie_format(format);
}

// The range of [rows, cols] at offset, row_bytes from one to the next, checked against the file. row_bytes is below
// 2^40 and rows at most 2^24.
inline const uint8_t* checked_range(const char* op, const File& file, uint64_t offset, aerie_format format,
                                    uint32_t rows, uint32_t cols, uint64_t row_bytes) {
    const size_t bytes = row_bytes * (rows - 1) + format_bytes(format, cols);
    if (offset > file.bytes || bytes > file.bytes - offset)
        fail(AERIE_BAD_SHAPE, "%s: %zu bytes at %llu exceed the file of %zu bytes", op, bytes,
             (unsigned long long)offset, file.bytes);
    return file.data + offset;
}

}  // namespace aerie
