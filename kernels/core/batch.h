// The rows of one forward: their arrays, the blocks these are written to, and the limits of their numbers.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/batch_layout.h"
#include "core/buffer.h"
#include "core/object.h"

namespace aerie {

// Bytes of a block, see core/batch_layout.h.
size_t block_bytes(const BatchCounts& counts);
// Copies arrays into a block of this size.
void write_block(uint8_t* block, const BatchArrays& arrays);

// Exclusive upper limits of a batch's numbers: the lengths of what recorded ops index by them.
struct BatchLimits {
    static constexpr uint64_t kNone = UINT64_MAX;
    uint64_t tokens = kNone, slots = kNone, pages = kNone, sources = kNone;
    uint32_t page_size = 0;      // with pages: a row sees entries of its segment's pages, at least one
    bool needs_sources = false;  // a batch may be written without, but ops that read them then refuse it

    // Intersection: lowers these limits to those of another op.
    void narrow(const BatchLimits& other);
    // Union: raises these limits to those of another set of ops.
    void widen(const BatchLimits& other);
    // True if numbers within `checked` are always within these limits too.
    bool follow_from(const BatchLimits& checked) const;
};

// Throws AERIE_BAD_ARGUMENT, with array and index, where arrays are invalid whatever the ops are.
void check_arrays(const BatchArrays& arrays);
// Throws AERIE_BAD_ARGUMENT, with array and index, where a number is not below its limit. `op` begins the error text.
void check_limits(const char* op, const BatchArrays& arrays, const BatchLimits& limits);
// Throws AERIE_BAD_ARGUMENT if ops need sources and there are none.
void check_sources(const char* op, const BatchCounts& counts, const BatchLimits& limits);

// One write of a batch: the host's copy is for checks and plans, the device's for ops.
struct BatchBlock {
    BatchCounts counts;
    std::unique_ptr<uint8_t[]> host;
    Buffer device;          // the same for all blocks of a batch: it is written after the work that reads it
    BatchLimits checked;    // what its numbers are known to lie within
    uint64_t last_use = 0;  // number of the last work that reads it

    BatchArrays arrays() const { return arrays_of(counts, host.get()); }
};

struct Batch : Object {
    // Blocks in turn: one is written while another runs and a third waits to run.
    static constexpr uint32_t kNumBlocks = 3;

    uint32_t max_rows = 0, max_segments = 0, max_pages = 0, max_outputs = 0;
    BatchBlock blocks[kNumBlocks];
    uint32_t current = 0;
    // Of backends that copy a block when work reads it first: whether the current one is to be copied, and the number
    // of what was appended to it.
    bool awaits_copy = false;
    uint64_t appended = 0;
    BatchLimits limits;  // numbers outside of them are refused by every graph recorded so far that reads them

    BatchBlock& block() { return blocks[current]; }
    const BatchBlock& block() const { return blocks[current]; }
};

}  // namespace aerie
