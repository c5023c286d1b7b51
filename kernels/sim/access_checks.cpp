#include "sim/access_checks.h"

#include <sys/mman.h>

#include <algorithm>

#include "sim/findings.h"

namespace aerie::sim {
namespace {

constexpr size_t kFirstPage = 4096;

size_t num_cells(size_t bytes) { return (bytes + kBytesPerCell - 1) / kBytesPerCell; }

}  // namespace

void AccessChecks::allocated(Allocation& allocation) {
    if (allocation.space != Space::device || allocation.bytes == 0) return;
    void* cells = mmap(nullptr, num_cells(allocation.bytes) * sizeof(Cell), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (cells != MAP_FAILED) allocation.cells = static_cast<Cell*>(cells);
}

void AccessChecks::freed(Allocation& allocation) {
    if (allocation.cells) munmap(allocation.cells, num_cells(allocation.bytes) * sizeof(Cell));
}

void AccessChecks::begin_block(Block& block) {
    // Each thread of the host has shared memory of its own.
    const bool is_same = block_ == &block && kernel_ == block.launch().kernel;
    block_ = &block;
    if (dynamic_cells_.size() < num_cells(block.launch().shared_bytes)) {
        dynamic_cells_.resize(num_cells(block.launch().shared_bytes));
    }
    if (is_same) return;
    kernel_ = block.launch().kernel;
    module_ = module_of(kernel_->address);
    static_shared_ = module_ ? module_->thread_memory() : nullptr;
    if (!static_shared_) return;
    auto& cells = static_cells_[module_];
    cells.resize(num_cells(module_->thread_bytes));
    module_cells_ = cells.data();
}

bool AccessChecks::find_shared(const char* address, size_t bytes, Region& region, const Place& place) {
    const size_t dynamic_bytes = block_->launch().shared_bytes;
    const auto dynamic_offset = size_t(address - block_->shared_memory());
    if (block_->shared_memory() && dynamic_offset < dynamic_bytes && bytes <= dynamic_bytes - dynamic_offset) {
        region = {dynamic_cells_.data(), dynamic_offset, block_->serial(), nullptr, "dynamic shared memory"};
        return true;
    }
    const auto offset = size_t(address - static_shared_);
    if (!static_shared_ || offset >= module_->thread_bytes) return false;
    const auto& variables = module_->shared;
    auto next = std::upper_bound(variables.begin(), variables.end(), offset,
                                 [](size_t at, const Variable& variable) { return at < variable.offset; });
    if (next == variables.begin() || offset + bytes > std::prev(next)->offset + std::prev(next)->bytes) {
        block_->stop(Fault::out_of_bounds,
                     "uses " + std::to_string(bytes) + " bytes of shared memory" +
                         (next == variables.begin() ? "" : " beyond the end of " + std::prev(next)->name) +
                         describe_place(place));
    }
    region = {module_cells_, offset, block_->serial(), nullptr, std::prev(next)->name};
    return true;
}

AccessChecks::Region AccessChecks::find(const void* address, size_t bytes, bool writes, const Place& place) {
    Region region;
    Allocation* allocation = Memory::get().find(address);
    if (allocation && allocation->space == Space::device && allocation->contains(address, bytes)) {
        (writes ? allocation->bytes_written : allocation->bytes_read) += bytes;
        region = {allocation->cells, size_t(static_cast<const char*>(address) - allocation->address), 0, allocation,
                  ""};
        return region;
    }
    if (find_shared(static_cast<const char*>(address), bytes, region, place)) return region;
    if (allocation && allocation->space == Space::mapped && allocation->contains(address, bytes)) return region;
    const auto number = reinterpret_cast<size_t>(address);
    if (module_ && !writes) {
        for (const Variable& constant : module_->constants) {
            const size_t offset = number - module_->base - constant.offset;
            if (offset < constant.bytes && bytes <= constant.bytes - offset) return region;
        }
    }
    const auto beyond = size_t(static_cast<const char*>(address) - block_->shared_memory());
    const bool is_host = !Memory::get().is_device(address) && number >= kFirstPage &&
                         !(allocation && allocation->space == Space::mapped);
    if (block_->shared_memory() && beyond < block_->launch().shared_bytes + kFirstPage) {
        block_->stop(Fault::out_of_bounds, "uses " + std::to_string(bytes) + " bytes at byte " +
                                               std::to_string(beyond) + " of " +
                                               std::to_string(block_->launch().shared_bytes) +
                                               " of dynamic shared memory" + describe_place(place));
    }
    block_->stop(is_host ? Fault::host_memory : Fault::out_of_bounds,
                 describe(writes ? Use::write : Use::read, address, bytes, place));
}

Stamp AccessChecks::stamp() const {
    const Thread& thread = block_->thread();
    Stamp stamp{};
    stamp.work = work_->number;
    stamp.block = uint32_t(block_->number());
    stamp.thread = uint16_t(thread.number);
    stamp.warp_epoch = uint16_t(thread.warp_epoch);
    stamp.barrier_epoch = block_->barrier_epoch();
    return stamp;
}

bool AccessChecks::is_ordered(const Stamp& before) const {
    return before.work == 0 || work_->clock.is_after(Queue::get().chain_of(before.work), before.work);
}

void AccessChecks::access(const void* address, size_t bytes, bool writes, const Place& place) {
    use(address, bytes, writes ? Use::write : Use::read, place);
}

void AccessChecks::aligned(const void* address, size_t bytes, const Place& place) {
    if (reinterpret_cast<uintptr_t>(address) % bytes == 0) return;
    block_->stop(Fault::misaligned, "uses " + std::to_string(bytes) + " bytes at " + describe_address(address) +
                                        ", which is no multiple of " + std::to_string(bytes) + describe_place(place));
}

void AccessChecks::atomic(const void* address, size_t bytes, const Place& place) {
    aligned(address, bytes, place);
    use(address, bytes, Use::atomic, place);
}

void AccessChecks::begin_async_copy(const AsyncCopy& copy, const Place& place) {
    if (copy.source_bytes > 0) use(copy.from, copy.source_bytes, Use::read, place);
    use(copy.to, copy.bytes, Use::begin_copy, place);
}

void AccessChecks::use(const void* address, size_t bytes, Use use, const Place& place) {
    const Region region = find(address, bytes, use != Use::read, place);
    if (use == Use::atomic && region.allocation) region.allocation->bytes_read += bytes;
    if (!region.cells) return;
    Stamp now = stamp();
    now.is_atomic = use == Use::atomic;
    for (size_t at = region.offset, end = region.offset + bytes; at < end;) {
        Cell& cell = region.cells[at / kBytesPerCell];
        if (cell.owner != region.serial) {
            cell = {};
            cell.owner = region.serial;
        }
        const size_t first = at % kBytesPerCell, count = std::min(kBytesPerCell - first, end - at);
        now.bytes = ((1u << count) - 1) << first;
        check(cell, now, use, address, bytes, place);
        at += count;
    }
}

void AccessChecks::check(Cell& cell, const Stamp& now, Use use, const void* address, size_t bytes, const Place& place) {
    if (cell.arriving & now.bytes) {
        block_->stop(Fault::async_copy, describe(use, address, bytes, place) +
                                            ", to which a cp.async is under way, of " + describe(cell.write));
    }
    if ((use == Use::read || use == Use::atomic) && (cell.written & now.bytes) != now.bytes) {
        block_->stop(Fault::unwritten, describe(use, address, bytes, place) + ", which nobody wrote");
    }
    for (const Stamp* before : {&cell.write, &cell.read}) {
        if (before->work == 0 || !(before->bytes & now.bytes) || (use == Use::read && before == &cell.read)) continue;
        const char* did = before == &cell.write ? " wrote" : " read";
        if (before->work != now.work && !is_ordered(*before)) {
            block_->stop(Fault::unordered_work, describe(use, address, bytes, place) + ", which " + describe(*before) +
                                                    did + ", and nothing orders the two");
        }
        if (before->work == now.work && is_race(*before, now)) {
            block_->stop(Fault::race, describe(use, address, bytes, place) + ", which " + describe(*before) + did +
                                          ", with no barrier between them");
        }
    }
    if (use == Use::read) {
        cell.read = merged_reads(cell.read, now);
        return;
    }
    if ((cell.read.bytes & ~now.bytes) == 0) cell.read = {};
    const bool continues = cell.write.work == now.work && cell.write.block == now.block &&
                           cell.write.thread == now.thread && cell.write.barrier_epoch == now.barrier_epoch;
    const uint32_t bytes_before = continues ? cell.write.bytes : 0;
    cell.write = now;
    cell.write.bytes |= bytes_before;
    if (use == Use::begin_copy) {
        cell.arriving |= uint8_t(now.bytes);
    } else {
        cell.written |= uint8_t(now.bytes);
    }
}

void AccessChecks::end_async_copy(const AsyncCopy& copy) {
    Region region;
    if (!find_shared(static_cast<const char*>(copy.to), copy.bytes, region, {})) return;
    const Stamp now = stamp();
    for (size_t at = region.offset / kBytesPerCell; at < num_cells(region.offset + copy.bytes); ++at) {
        Cell& cell = region.cells[at];
        cell.arriving = 0;
        cell.written = (1u << kBytesPerCell) - 1;
        cell.write = now;
        cell.write.bytes = cell.written;
    }
}

}  // namespace aerie::sim
