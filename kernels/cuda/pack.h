// Packs weights into units (see packed_layout.h) and brings them to the device.
#pragma once
#include <functional>
#include <vector>

#include "core/objects.h"
#include "cuda/packed_layout.h"

namespace aerie::cuda {

// Rows of a weight in one format, on the device. Parts of the same format that follow each other are one.
struct PackedPart {
    UnitFormat format;
    uint32_t first_row, num_rows;
    const uint8_t* data;
};

struct CudaPacked : Packed {
    std::vector<PackedPart> parts;
    Buffer memory;
};

inline const CudaPacked& packed_of(const Weight& weight) { return static_cast<const CudaPacked&>(*weight.packed); }

// Bytes that are packed and sent at a time, where a group of 16 rows is not more.
constexpr size_t kPieceBytes = size_t(8) << 20;

// Brings bytes to the device, piece by piece: what the packer needs of a backend.
class Uploader {
  public:
    virtual ~Uploader() = default;
    // Memory of the device, whatever it holds. Throws AERIE_OUT_OF_MEMORY.
    virtual Buffer allocate(size_t bytes) = 0;
    // Host memory for the next piece, whatever it holds.
    virtual uint8_t* piece(size_t bytes) = 0;
    // Copies the first bytes of the piece, which is not written any more.
    virtual void send(const Buffer& to, size_t offset, size_t bytes) = 0;
};

// Calls body(first, last) for shares of `count` items on all threads.
using ParallelFor = std::function<void(uint32_t count, const std::function<void(uint32_t, uint32_t)>& body)>;

// The format in which rows of a source are kept.
UnitFormat unit_format(aerie_format source, aerie_dtype float_dtype, uint32_t cols);

// Packs all parts of a weight, sets packed and bytes, and lets go of the files.
void pack_weight(Weight& weight, aerie_dtype float_dtype, Uploader& uploader, const ParallelFor& parallel_for);

}  // namespace aerie::cuda
