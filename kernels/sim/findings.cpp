#include "sim/findings.h"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <set>

namespace aerie::sim {
namespace {

std::mutex mutex;
std::atomic<cudaError_t> sticky{cudaSuccess};
std::string failed_kernel;

std::vector<Finding>& list() {
    static auto* all = new std::vector<Finding>;
    return *all;
}

cudaError_t error_of(Fault fault) {
    switch (fault) {
        case Fault::out_of_bounds:
        case Fault::host_memory:
            return cudaErrorIllegalAddress;
        case Fault::misaligned:
            return cudaErrorMisalignedAddress;
        default:
            return cudaErrorLaunchFailure;
    }
}

}  // namespace

const char* name_of(Fault fault) {
    switch (fault) {
        case Fault::divergent_barrier:
            return "divergent barrier";
        case Fault::missing_lane:
            return "missing lane";
        case Fault::lane_outside_mask:
            return "lane outside its mask";
        case Fault::race:
            return "race";
        case Fault::unwritten:
            return "read of what nobody wrote";
        case Fault::async_copy:
            return "cp.async not waited for";
        case Fault::out_of_bounds:
            return "access out of bounds";
        case Fault::host_memory:
            return "host memory in a kernel";
        case Fault::misaligned:
            return "misaligned access";
        case Fault::stack_overflow:
            return "stack overflow";
        case Fault::refused:
            return "refused operation";
        case Fault::unordered_work:
            return "unordered work";
        case Fault::staging_rewritten:
            return "staging rewritten before its copy";
        case Fault::unwaited_result:
            return "result used before it was waited for";
        case Fault::device_memory_on_host:
            return "device memory used by the host";
    }
    return "?";
}

void add_finding(Fault fault, const std::string& text) {
    const std::lock_guard lock(mutex);
    // What comes after the first is most often its consequence; the last ones end the program and are always told.
    if (sticky != cudaSuccess && fault < Fault::unwaited_result) return;
    list().push_back({fault, text});
    set_sticky_error(error_of(fault));
    // Written by itself: stdio takes 8 KiB of the stack, which those of signals that a runtime made do not have.
    const std::string line = std::string("cuda-sim: ") + name_of(fault) + ": " + text + "\n";
    for (size_t at = 0; at < line.size();) {
        const ssize_t written = write(STDERR_FILENO, line.data() + at, line.size() - at);
        if (written <= 0) break;
        at += size_t(written);
    }
}

std::vector<Finding> findings() {
    const std::lock_guard lock(mutex);
    return list();
}

void forget_findings() {
    const std::lock_guard lock(mutex);
    list().clear();
    sticky = cudaSuccess;
    failed_kernel.clear();
}

cudaError_t sticky_error() { return sticky; }

void set_sticky_error(cudaError_t error) {
    cudaError_t none = cudaSuccess;
    sticky.compare_exchange_strong(none, error);
}

void name_failed_kernel(const std::string& name) {
    const std::lock_guard lock(mutex);
    if (sticky != cudaSuccess && failed_kernel.empty()) failed_kernel = name;
}

const char* text_with_kernel(cudaError_t error, const char* text) {
    const std::lock_guard lock(mutex);
    if (error != sticky || failed_kernel.empty()) return nullptr;
    // Texts of errors live as long as the program.
    static auto& texts = *new std::set<std::string>;
    return texts.insert(std::string(text) + " in kernel " + failed_kernel).first->c_str();
}

std::string at(Site site) {
    const char* name = strrchr(site.file, '/');
    return std::string(" at ") + (name ? name + 1 : site.file) + ":" + std::to_string(site.line);
}

std::string hexadecimal(uint64_t number) {
    char digits[20];
    snprintf(digits, sizeof digits, "0x%llx", (unsigned long long)number);
    return digits;
}

}  // namespace aerie::sim
