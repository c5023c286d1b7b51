// The copies of cp.async that a thread has begun: they arrive when it waits for their group, as late as is allowed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace aerie::sim {

struct AsyncCopy {
    void* to;
    const void* from;
    uint32_t bytes, source_bytes;  // what the source does not have is zeros
    uint32_t group;
};

struct AsyncCopies {
    std::vector<AsyncCopy> pending;
    uint32_t group = 0;  // groups committed
};

}  // namespace aerie::sim
