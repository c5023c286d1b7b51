// The objects behind handles. Plain data that backends read; every size was checked by abi/ before.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "aerie.h"
#include "core/batch.h"
#include "core/formats.h"

namespace aerie {

struct File : Object {
    ~File() override;
    const uint8_t* data = nullptr;  // on the host
    size_t bytes = 0;
    std::unique_ptr<uint8_t[]> memory;  // holds data unless it is mapped
};

// Rows of an output slice at most: a tensor of AERIE_OUTPUT_SLICE has no more.
constexpr uint32_t kSliceOutputs = AERIE_SLICE_OUTPUTS;

struct Tensor : Object {
    uint32_t capacity = 0, cols = 0;  // capacity: rows allocated
    std::shared_ptr<Batch> batch;     // null: always `capacity` rows
    aerie_scope scope = AERIE_ROWS;
    aerie_dtype dtype = AERIE_F32;  // as it is kept
    bool is_temporary = false;      // exists while a graph runs, from the op that writes it to the last that reads it
    bool is_written = false;        // a temporary one, by an op outside of graphs
    Buffer buffer;                  // of a temporary one outside of graphs

    size_t bytes() const { return size_t(capacity) * cols * dtype_bytes(dtype); }
};

struct GroupQuantized;

// Rows of a weight that came from one source.
struct WeightPart {
    std::shared_ptr<File> file;          // until packed
    uint64_t offset = 0, row_bytes = 0;  // row_bytes: from a row to the next
    aerie_format format = AERIE_FORMAT_F32;
    uint32_t first_row = 0, num_rows = 0, interleaved_head_dim = 0;
    std::shared_ptr<const GroupQuantized> groups;  // until packed; the rows lie there, not in file

    // Lets go of what it was packed from.
    void release() {
        file.reset();
        groups.reset();
    }

    // Row `index` of the part as the file has it, rotary halves set apart.
    const uint8_t* row(uint32_t index) const {
        if (const uint32_t dim = interleaved_head_dim) {
            const uint32_t in_head = index % dim, half = dim / 2;
            index = index - in_head + in_head % half * 2 + in_head / half;
        }
        return file->data + offset + row_bytes * index;
    }
};

// A packed weight; each backend has its own subclass.
struct Packed {
    virtual ~Packed() = default;
};

struct Weight : Object {
    uint32_t rows = 0, cols = 0, filled_rows = 0;
    size_t bytes = 0;  // once packed
    std::vector<WeightPart> parts;
    std::unique_ptr<Packed> packed;  // null until aerie_weight_pack
};

// Keys and values of all layers. abi/ knows sizes only, backends choose the order.
struct KvPool : Object {
    uint32_t num_layers = 0, num_pages = 0, page_size = 0, num_kv_heads = 0, head_dim = 0;
    aerie_dtype dtype = AERIE_F32;
    Buffer buffer;
};

// A sampler; parameters and results of draws are in the backend's subclass.
struct Sampler : Object {
    uint32_t max_outputs = 0, vocab_size = 0, max_top = 0;
    std::vector<uint32_t> masks;  // given to the next write: [masks, mask_words()]

    size_t mask_words() const { return (size_t(vocab_size) + 31) / 32; }
};

}  // namespace aerie
