// Memory of the device and pinned memory of the host. The device's pages are closed while no work runs, so that the
// host cannot follow a pointer into it; the target of a copy to the host is closed until the host has waited for it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/shadow_cell.h"

namespace aerie::sim {

enum class Space { device, pinned, mapped };

struct Allocation {
    char* address;
    size_t bytes;
    Space space;
    char* pages;  // around it
    size_t page_bytes;
    uint32_t number;        // counting up from 1
    Cell* cells = nullptr;  // what is known of its bytes, where accesses are checked
    uint64_t bytes_read = 0, bytes_written = 0;

    bool contains(const void* at, size_t count = 1) const {
        const size_t offset = size_t(static_cast<const char*>(at) - address);
        return offset < bytes && count <= bytes - offset;
    }
};

// Not locked: the lock of the runtime is.
class Memory {
  public:
    // The only one; it lives as long as the program.
    static Memory& get();

    // Null if there is no room.
    Allocation* allocate(Space space, size_t bytes);
    // False if nothing of that space begins there.
    bool free(Space space, void* address);
    // The allocation that holds an address, or null.
    Allocation* find(const void* address);
    // Whether an address lies where the device's memory does, allocated or not.
    bool is_device(const void* address) const {
        return size_t(static_cast<const char*>(address) - arena_) < kArenaBytes;
    }

    size_t total() const { return total_; }
    size_t used() const { return used_; }
    const std::map<char*, std::unique_ptr<Allocation>>& all() const { return all_; }

    // Lets kernels and copies at the device's memory, until as many calls of `close`.
    void open();
    void close();

    // Closes a target in pinned memory to the host, until `unwatch` with the same number.
    void watch(void* target, size_t bytes, uint32_t work);
    void unwatch(uint32_t work);
    // Opens pages of pinned memory for the simulator's own use, and closes them again as they should be.
    void open_pages(const void* begin, size_t bytes);
    void close_pages(const void* begin, size_t bytes);
    // Whether some of the bytes are in a watched target.
    bool is_watched(const void* address, size_t bytes = 1) const;
    // Opens the page of an address that is beside a target, not in it; false if that page is not closed.
    bool release_page(const void* address);

  private:
    static constexpr size_t kArenaBytes = size_t(256) << 30;

    struct Watched {
        char *begin, *end;
        uint32_t work;
        bool overlaps(const char* page) const;
    };

    Memory();
    void protect_pages(const char* begin, const char* end);

    char* arena_ = nullptr;
    size_t arena_used_ = 0, total_ = 0, used_ = 0;
    uint32_t num_allocated_ = 0;
    int num_open_ = 0;
    std::map<char*, std::unique_ptr<Allocation>> all_;  // by address
    Allocation* last_found_ = nullptr;
    std::vector<Watched> watched_;
};

// "byte 12 of allocation 3 (4096 bytes at 0x...)" or "0x..., which is in no allocation".
std::string describe_address(const void* address);

// Lets accesses to closed memory be named before they end the program, and those of kernels end the launch.
void install_fault_handler();

}  // namespace aerie::sim
