// The objects behind handles. Plain data that backends read; every size was checked by abi/ before.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "aerie.h"

namespace aerie {

struct Object {
    virtual ~Object() = default;
};

// Zeroed memory from mmap: 2 MiB-aligned with huge pages when large, so untouched parts cost nothing.
class Memory {
  public:
    Memory() = default;
    explicit Memory(size_t bytes);
    Memory(Memory&& other) noexcept;
    Memory& operator=(Memory&& other) noexcept;
    ~Memory();
    uint8_t* data() const { return data_; }
    size_t bytes() const { return bytes_; }

  private:
    uint8_t* data_ = nullptr;
    size_t bytes_ = 0, mapped_bytes_ = 0;
    void* mapped_ = nullptr;
};

struct File : Object {
    ~File() override;
    const uint8_t* data = nullptr;
    size_t bytes = 0;
    Memory memory;  // holds data unless it is mapped
};

struct Batch : Object {
    uint32_t max_rows = 0, max_segments = 0, max_pages = 0, max_outputs = 0;
    uint32_t num_rows = 0, num_segments = 0, pages_per_segment = 0, num_outputs = 0, num_sources = 0;
    std::vector<int32_t> tokens, positions, slots, visible, segment_starts, page_table, outputs, sources;
    std::vector<uint64_t> tree_masks;
};

struct Tensor : Object {
    uint32_t capacity = 0, cols = 0;  // capacity: rows allocated
    std::shared_ptr<Batch> batch;     // null: always `capacity` rows
    aerie_scope scope = AERIE_ROWS;
    Memory memory;
    float* data = nullptr;
};

// Rows of a weight that came from one source, in one packed format.
struct WeightPart {
    std::shared_ptr<File> file;          // until packed
    uint64_t offset = 0, row_bytes = 0;  // row_bytes: from a row to the next
    aerie_format format = AERIE_FORMAT_F32;
    uint32_t first_row = 0, num_rows = 0, interleaved_head_dim = 0;
    // set by the backend's pack
    int32_t packed_format = 0;
    uint32_t first_unit = 0, num_units = 0;
    const uint8_t* data = nullptr;
};

struct Weight : Object {
    uint32_t rows = 0, cols = 0, filled_rows = 0, num_units = 0;
    size_t bytes = 0;  // once packed
    bool packed = false;
    std::vector<WeightPart> parts;
    std::shared_ptr<Memory> memory;  // shared with other weights packed at the time
};

// Keys and values of all layers. abi/ knows sizes only, backends choose the order.
struct KvPool : Object {
    uint32_t num_layers = 0, num_pages = 0, page_size = 0, num_kv_heads = 0, head_dim = 0;
    aerie_dtype dtype = AERIE_F32;
    Memory memory;
};

// Parameters and results of draws lie in the backend's subclass.
struct Sampler : Object {
    uint32_t max_outputs = 0, vocab_size = 0, max_top = 0;
};

struct Graph : Object {
    std::vector<std::shared_ptr<Object>> objects;  // what the recorded ops use
};

}  // namespace aerie
