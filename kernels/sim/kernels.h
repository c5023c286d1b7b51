// Kernels that were launched: how they are called, and what their module says of them.
#pragma once
#include <string>
#include <vector>

#include "sim/launch.h"

namespace aerie::sim {

struct Kernel {
    const void* address;
    Call call;
    std::vector<size_t> sizes;  // of its arguments, in bytes
    std::string name;
    int max_dynamic_shared = 48 << 10;
};

// Null unless `know` was told.
Kernel* find_kernel(const void* address);
// Makes an entry if there is none, for attributes that are set before the first launch.
Kernel& kernel_at(const void* address);

}  // namespace aerie::sim
