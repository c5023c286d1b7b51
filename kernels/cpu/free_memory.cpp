#include "cpu/free_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

namespace aerie::cpu {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();

// File names of one version of control groups. Inactive file pages count as free: the kernel reclaims them when memory
// is short.
struct Hierarchy {
    const char *root, *limit, *usage, *cache;
};
constexpr Hierarchy kV1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
                           "total_inactive_file"};
constexpr Hierarchy kV2 = {"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"};

// The number in a file; infinity if there is none, as where a limit is "max".
double read_number(const std::string& path) {
    std::ifstream file(path);
    double value;
    return file >> value ? value : kNone;
}

// The number behind `key` in a file of "key value" lines; `missing` if the key is not there.
double read_entry(const std::string& path, const std::string& key, double missing) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string word;
        double value;
        if (words >> word >> value && word == key) return value;
    }
    return missing;
}

// Lowers `memory` to what a group's limit leaves.
void apply_limit(FreeMemory& memory, const Hierarchy& hierarchy, const std::string& folder) {
    const double limit = read_number(folder + "/" + hierarchy.limit),
                 usage = read_number(folder + "/" + hierarchy.usage);
    if (limit == kNone || usage == kNone) return;
    const double held = std::max(0.0, usage - read_entry(folder + "/memory.stat", hierarchy.cache, 0));
    memory.free = std::min(memory.free, std::max(0.0, limit - held));
    memory.total = std::min(memory.total, limit);
}

// Applies the limits of a group and of its ancestors. Inside a container `path` may be the host's and absent; the mount
// itself, the container's own group, is then the only one.
void apply_limits(FreeMemory& memory, const Hierarchy& hierarchy, const std::string& root, const std::string& path) {
    std::string folder = root + hierarchy.root;
    apply_limit(memory, hierarchy, folder);
    std::istringstream names(path);
    for (std::string name; std::getline(names, name, '/');) {
        if (name.empty() || name == "..") continue;
        folder += "/" + name;
        apply_limit(memory, hierarchy, folder);
    }
}

bool lists_memory(const std::string& controllers) {
    std::istringstream names(controllers);
    for (std::string name; std::getline(names, name, ',');)
        if (name == "memory") return true;
    return false;
}

}  // namespace

FreeMemory read_free_memory(const std::string& root) {
    const std::string host = root + "/proc/meminfo";
    FreeMemory memory{1024 * read_entry(host, "MemAvailable:", 0), 1024 * read_entry(host, "MemTotal:", 0)};
    std::ifstream groups(root + "/proc/self/cgroup");
    // Lines are "number:controllers:path"; version 2 lists no controllers.
    for (std::string line; std::getline(groups, line);) {
        const size_t first = line.find(':'), second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
        if (controllers.empty()) apply_limits(memory, kV2, root, path);
        if (lists_memory(controllers)) apply_limits(memory, kV1, root, path);
    }
    return memory;
}

}  // namespace aerie::cpu
