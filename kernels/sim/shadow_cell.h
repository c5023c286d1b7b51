// What is known of two neighbouring bytes where accesses are checked: who wrote them last and who read them last.
#pragma once
#include <cstdint>

namespace aerie::sim {

// Who used bytes, and when between two barriers.
struct Stamp {
    static constexpr uint32_t kManyBlocks = 0xffffffff;
    static constexpr uint16_t kManyThreads = 0xffff, kManyLanes = 0x8000;  // the latter with the number of their warp

    uint32_t work;    // number of the piece of work; 0: nobody
    uint32_t block;   // of a kernel, or kManyBlocks
    uint16_t thread;  // of the block, kManyThreads, or kManyLanes + warp
    uint16_t warp_epoch;
    uint32_t barrier_epoch : 26;
    uint32_t bytes : 2;      // which of the two
    uint32_t is_atomic : 1;  // by an atomic operation

    uint32_t warp() const { return thread & kManyLanes ? thread & ~kManyLanes : thread / 32u; }
};

struct Cell {
    Stamp write, read;
    uint32_t owner;    // of shared memory: serial number of the block that it is known of
    uint8_t written;   // mask of the bytes that hold a value
    uint8_t arriving;  // mask of the bytes to which a cp.async is under way
};

constexpr unsigned kBytesPerCell = 2;

// Whether two uses of the same bytes by one piece of work, of which one writes, lack a barrier between them.
bool is_race(const Stamp& before, const Stamp& now);
// The stamp that stands for both a read and those before it.
Stamp merged_reads(const Stamp& before, const Stamp& now);

}  // namespace aerie::sim
