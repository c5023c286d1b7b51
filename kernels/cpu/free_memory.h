// Memory this process may still take, and the most it could: the host's, or its control group's where that is less.
#pragma once

#include <string>

namespace aerie::cpu {

struct FreeMemory {
    double free, total;  // bytes
};

// Reads /proc/meminfo and the memory limits of this process's control groups (versions 1 and 2) and of all above them.
// `root` is the folder that /proc and /sys lie in; tests have their own.
FreeMemory read_free_memory(const std::string& root = "");

}  // namespace aerie::cpu
