#include "cpu/memory.h"

#include <sys/mman.h>

#include <utility>

#include "core/error.h"

namespace aerie::cpu {
namespace {
constexpr size_t kHugePage = size_t(2) << 20, kPage = 4096, kMost = size_t(1) << 47;  // kMost: an address space
}

Memory::Memory(size_t bytes) : bytes_(bytes) {
    if (!bytes) return;
    if (bytes > kMost) fail(AERIE_OUT_OF_MEMORY, "memory: cannot map %zu bytes", bytes);
    const bool huge = bytes >= kHugePage;
    // A huge page needs its own alignment, which mmap does not promise: map one more and align inside.
    mapped_bytes_ = (bytes + kPage - 1) / kPage * kPage + (huge ? kHugePage : 0);
    mapped_ = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped_ == MAP_FAILED) {
        mapped_ = nullptr;
        fail(AERIE_OUT_OF_MEMORY, "memory: cannot map %zu bytes", bytes);
    }
    uintptr_t at = reinterpret_cast<uintptr_t>(mapped_);
    if (huge) {
        at = (at + kHugePage - 1) / kHugePage * kHugePage;
        madvise(reinterpret_cast<void*>(at), bytes, MADV_HUGEPAGE);
    }
    data_ = reinterpret_cast<uint8_t*>(at);
}

Memory::Memory(Memory&& other) noexcept { *this = std::move(other); }

Memory& Memory::operator=(Memory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(mapped_, other.mapped_);
    std::swap(mapped_bytes_, other.mapped_bytes_);
    return *this;
}

Memory::~Memory() {
    if (mapped_) munmap(mapped_, mapped_bytes_);
}

}  // namespace aerie::cpu
