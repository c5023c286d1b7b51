#include "sim/shadow_cell.h"

namespace aerie::sim {

bool is_race(const Stamp& before, const Stamp& now) {
    if (before.is_atomic && now.is_atomic) return false;
    if (before.block != now.block) return true;
    if (before.thread == now.thread && now.thread < Stamp::kManyLanes) return false;
    if (before.barrier_epoch != now.barrier_epoch) return false;
    if (before.thread == Stamp::kManyThreads || before.warp() != now.warp()) return true;
    return before.warp_epoch >= now.warp_epoch;
}

Stamp merged_reads(const Stamp& before, const Stamp& now) {
    Stamp merged = now;
    if (before.work != now.work) return merged;
    if (before.block != now.block) {
        merged.block = Stamp::kManyBlocks;
        merged.thread = Stamp::kManyThreads;
    } else if (before.barrier_epoch == now.barrier_epoch && before.thread != now.thread) {
        const bool is_same_warp = before.thread != Stamp::kManyThreads && before.warp() == now.warp();
        merged.thread = is_same_warp ? uint16_t(Stamp::kManyLanes | now.warp()) : Stamp::kManyThreads;
    }
    merged.bytes |= before.bytes;
    return merged;
}

}  // namespace aerie::sim
