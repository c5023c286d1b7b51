// Repacks weights from a file's layout into panels; see PackedFormat.
#pragma once
#include <functional>
#include <memory>

#include "core/objects.h"
#include "cpu/ops.h"

namespace aerie::cpu {

// Hands out pieces of large zeroed chunks, so that small weights share huge pages. A chunk goes with its last user.
class Arena {
  public:
    // `bytes` at a multiple of 64; `owner` keeps them alive.
    uint8_t* take(size_t bytes, std::shared_ptr<Memory>& owner);

  private:
    std::shared_ptr<Memory> chunk_;
    size_t used_ = 0;
};

// Calls body(first, last) for shares of `count` items on all threads.
using ParallelFor = std::function<void(uint32_t count, const std::function<void(uint32_t, uint32_t)>& body)>;

// Lays out all parts of a weight, sets packed and bytes, and lets go of the files.
void pack_weight(Weight& weight, aerie_dtype float_dtype, Arena& arena, const ParallelFor& parallel_for);

}  // namespace aerie::cpu
