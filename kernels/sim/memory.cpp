#include "sim/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "sim/checks.h"
#include "sim/findings.h"

namespace aerie::sim {
namespace {

const size_t kPage = size_t(sysconf(_SC_PAGESIZE));
constexpr size_t kAlignment = 256;
constexpr size_t kDefaultTotal = size_t(8) << 30;

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

char* page_of(const char* address) {
    return reinterpret_cast<char*>(reinterpret_cast<uintptr_t>(address) / kPage * kPage);
}

}  // namespace

bool Memory::Watched::overlaps(const char* page) const { return begin < page + kPage && end > page; }

Memory& Memory::get() {
    static Memory& memory = *new Memory;
    return memory;
}

Memory::Memory() {
    const char* total = getenv("AERIE_SIM_MEMORY");
    total_ = total ? strtoull(total, nullptr, 10) : kDefaultTotal;
    void* arena = mmap(nullptr, kArenaBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (arena == MAP_FAILED) throw std::bad_alloc();
    arena_ = static_cast<char*>(arena);
}

Allocation* Memory::allocate(Space space, size_t bytes) {
    auto made = std::make_unique<Allocation>(Allocation{nullptr, bytes, space, nullptr, 0, ++num_allocated_});
    // Ends at the end of a page, so that few bytes are beyond it before a page that nobody may touch.
    const size_t room = round_up(std::max(bytes, size_t(1)), kAlignment);
    made->page_bytes = round_up(room, kPage);
    if (space == Space::device) {
        if (room > total_ - used_ || made->page_bytes + kPage > kArenaBytes - arena_used_) return nullptr;
        made->pages = arena_ + arena_used_;
        if (mprotect(made->pages, made->page_bytes, PROT_READ | PROT_WRITE) != 0) return nullptr;
        arena_used_ += made->page_bytes + kPage;
        used_ += room;
    } else {
        void* pages = mmap(nullptr, made->page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED) return nullptr;
        made->pages = static_cast<char*>(pages);
    }
    // Pinned memory begins with a page, as CUDA's does.
    made->address = space == Space::device ? made->pages + made->page_bytes - room : made->pages;
    // NaNs, so that what nobody wrote shows where accesses are not checked.
    if (!is_checked()) memset(made->address, 0xff, bytes);
    if (space == Space::device && num_open_ == 0) mprotect(made->pages, made->page_bytes, PROT_NONE);
    checks().allocated(*made);
    install_fault_handler();
    return (all_[made->address] = std::move(made)).get();
}

bool Memory::free(Space space, void* address) {
    const auto found = all_.find(static_cast<char*>(address));
    if (found == all_.end() || (found->second->space == Space::device) != (space == Space::device)) return false;
    Allocation& allocation = *found->second;
    checks().freed(allocation);
    last_found_ = nullptr;
    if (allocation.space == Space::device) {
        // The addresses are not used again: who still uses them is found.
        madvise(allocation.pages, allocation.page_bytes, MADV_DONTNEED);
        mprotect(allocation.pages, allocation.page_bytes, PROT_NONE);
        used_ -= round_up(std::max(allocation.bytes, size_t(1)), kAlignment);
    } else {
        munmap(allocation.pages, allocation.page_bytes);
    }
    all_.erase(found);
    return true;
}

Allocation* Memory::find(const void* address) {
    Allocation* const last = __atomic_load_n(&last_found_, __ATOMIC_RELAXED);
    if (last && last->contains(address)) return last;
    auto next = all_.upper_bound(static_cast<char*>(const_cast<void*>(address)));
    if (next == all_.begin()) return nullptr;
    Allocation* const found = std::prev(next)->second.get();
    if (!found->contains(address)) return nullptr;
    __atomic_store_n(&last_found_, found, __ATOMIC_RELAXED);
    return found;
}

void Memory::open() {
    if (num_open_++ > 0) return;
    for (const auto& [address, allocation] : all_) {
        if (allocation->space == Space::device)
            mprotect(allocation->pages, allocation->page_bytes, PROT_READ | PROT_WRITE);
    }
}

void Memory::close() {
    if (--num_open_ > 0) return;
    for (const auto& [address, allocation] : all_) {
        if (allocation->space == Space::device) mprotect(allocation->pages, allocation->page_bytes, PROT_NONE);
    }
}

void Memory::watch(void* target, size_t bytes, uint32_t work) {
    if (bytes == 0) return;
    auto* begin = static_cast<char*>(target);
    watched_.push_back({begin, begin + bytes, work});
    protect_pages(begin, begin + bytes);
}

void Memory::unwatch(uint32_t work) {
    const auto gone = std::partition(watched_.begin(), watched_.end(), [&](auto& range) { return range.work != work; });
    const std::vector<Watched> ranges(gone, watched_.end());
    watched_.erase(gone, watched_.end());
    for (const Watched& range : ranges) protect_pages(range.begin, range.end);
}

void Memory::open_pages(const void* begin, size_t bytes) {
    char* const page = page_of(static_cast<const char*>(begin));
    mprotect(page, size_t(static_cast<const char*>(begin) + bytes - page), PROT_READ | PROT_WRITE);
}

void Memory::close_pages(const void* begin, size_t bytes) {
    protect_pages(static_cast<const char*>(begin), static_cast<const char*>(begin) + bytes);
}

// Closes those pages of a range that a watched target is on, and opens the others.
void Memory::protect_pages(const char* begin, const char* end) {
    for (char* page = page_of(begin); page < end; page += kPage) {
        const bool is_closed =
            std::any_of(watched_.begin(), watched_.end(), [&](auto& range) { return range.overlaps(page); });
        mprotect(page, kPage, is_closed ? PROT_NONE : PROT_READ | PROT_WRITE);
    }
}

bool Memory::is_watched(const void* address, size_t bytes) const {
    const auto* begin = static_cast<const char*>(address);
    return std::any_of(watched_.begin(), watched_.end(),
                       [&](auto& range) { return begin < range.end && begin + bytes > range.begin; });
}

bool Memory::release_page(const void* address) {
    char* const page = page_of(static_cast<const char*>(address));
    if (std::none_of(watched_.begin(), watched_.end(), [&](auto& range) { return range.overlaps(page); })) return false;
    return mprotect(page, kPage, PROT_READ | PROT_WRITE) == 0;
}

std::string describe_address(const void* address) {
    Memory& memory = Memory::get();
    if (const Allocation* own = memory.find(address)) {
        return "byte " + std::to_string(static_cast<const char*>(address) - own->address) + " of " +
               (own->space == Space::device ? "allocation " : "pinned allocation ") + std::to_string(own->number) +
               " (" + std::to_string(own->bytes) + " bytes)";
    }
    const std::string text = hexadecimal(reinterpret_cast<uintptr_t>(address));
    for (const auto& [begin, allocation] : memory.all()) {
        const ptrdiff_t beyond = static_cast<const char*>(address) - (begin + allocation->bytes);
        if (beyond >= 0 && beyond < ptrdiff_t(kPage)) {
            return text + ", " + std::to_string(beyond) + " bytes beyond allocation " +
                   std::to_string(allocation->number) + " (" + std::to_string(allocation->bytes) + " bytes)";
        }
    }
    if (reinterpret_cast<uintptr_t>(address) < kPage) return text + ", a null pointer";
    return text + (memory.is_device(address) ? ", which is in no allocation" : ", memory of the host");
}

}  // namespace aerie::sim
