// What copies and fills do to the memory that accesses are checked against, and texts of findings.
#include <algorithm>

#include "sim/access_checks.h"
#include "sim/findings.h"

namespace aerie::sim {

void AccessChecks::copied(void* to, const void* from, size_t bytes) {
    Memory& memory = Memory::get();
    const Allocation *source = memory.find(from), *target = memory.find(to);
    if (source && source->cells) mark(const_cast<void*>(from), bytes, false);
    if (!target || !target->cells) return;
    mark(to, bytes, true);
    if (!source || !source->cells) return;
    // A copy of what nobody wrote is what nobody wrote.
    const size_t to_offset = size_t(static_cast<char*>(to) - target->address);
    const size_t from_offset = size_t(static_cast<const char*>(from) - source->address);
    for (size_t i = 0; i < bytes; ++i) {
        const Cell& origin = source->cells[(from_offset + i) / kBytesPerCell];
        if (origin.written >> ((from_offset + i) % kBytesPerCell) & 1) continue;
        target->cells[(to_offset + i) / kBytesPerCell].written &= uint8_t(~(1u << ((to_offset + i) % kBytesPerCell)));
    }
}

void AccessChecks::filled(void* to, size_t bytes) { mark(to, bytes, true); }

void AccessChecks::mark(void* address, size_t bytes, bool writes) {
    Allocation* allocation = Memory::get().find(address);
    if (!allocation || !allocation->cells) return;
    Stamp now{};
    now.work = work_->number;
    now.block = Stamp::kManyBlocks;
    now.thread = Stamp::kManyThreads;
    const size_t offset = size_t(static_cast<char*>(address) - allocation->address);
    for (size_t at = offset, end = offset + bytes; at < end;) {
        Cell& cell = allocation->cells[at / kBytesPerCell];
        const size_t first = at % kBytesPerCell, count = std::min(kBytesPerCell - first, end - at);
        now.bytes = ((1u << count) - 1) << first;
        for (const Stamp* before : {&cell.write, &cell.read}) {
            if (!(before->bytes & now.bytes) || (!writes && before == &cell.read) || is_ordered(*before)) continue;
            return add_finding(Fault::unordered_work, std::string("a copy or fill ") + (writes ? "writes " : "reads ") +
                                                          std::to_string(bytes) + " bytes at " +
                                                          describe_address(address) + ", which " + describe(*before) +
                                                          (before == &cell.write ? " wrote" : " read") +
                                                          ", and nothing orders the two");
        }
        if (writes) {
            cell.written |= uint8_t(now.bytes);
            cell.read = {};
            cell.write = now;
        } else {
            cell.read = now;
        }
        at += count;
    }
}

std::string AccessChecks::describe(const Stamp& stamp) const {
    if (stamp.work != work_->number) return "another kernel, copy or fill";
    if (stamp.block == Stamp::kManyBlocks) return "threads of other blocks";
    const std::string block = stamp.block == block_->number() ? "" : " of block " + std::to_string(stamp.block);
    if (stamp.thread == Stamp::kManyThreads) return "several threads" + block;
    if (stamp.thread & Stamp::kManyLanes) return "several lanes of warp " + std::to_string(stamp.warp()) + block;
    return "thread " + std::to_string(stamp.thread) + block;
}

std::string AccessChecks::describe(Use use, const void* address, size_t bytes, const Place& place) const {
    const char* const verb = use == Use::read     ? "reads "
                             : use == Use::write  ? "writes "
                             : use == Use::atomic ? "changes "
                                                  : "begins to copy to ";
    std::string where = describe_address(address);
    const auto* at = static_cast<const char*>(address);
    if (block_->shared_memory() && size_t(at - block_->shared_memory()) < block_->launch().shared_bytes) {
        where = "byte " + std::to_string(at - block_->shared_memory()) + " of dynamic shared memory";
    } else if (static_shared_ && size_t(at - static_shared_) < module_->thread_bytes) {
        for (const Variable& variable : module_->shared) {
            const size_t offset = size_t(at - static_shared_) - variable.offset;
            if (offset < variable.bytes) where = "byte " + std::to_string(offset) + " of shared " + variable.name;
        }
    }
    return verb + std::to_string(bytes) + " bytes at " + where + describe_place(place);
}

std::string describe_place(const Place& place) {
    if (place.site.file) return at(place.site);
    const std::string line = place.return_address ? place_of(place.return_address) : "";
    return line.empty() ? "" : " at " + line;
}

}  // namespace aerie::sim
