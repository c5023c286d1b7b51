// What a kernel calls: indices, barriers, shuffles, votes, reductions, atomics.
#include <atomic>

#include "sim/block.h"
#include "sim/checks.h"
#include "sim/findings.h"

namespace aerie::sim {
namespace {

struct VoteFrame {
    int predicate;
    unsigned result;
};
struct MatchFrame {
    uint64_t value;
    unsigned result;
};
struct ReduceFrame {
    Integer operation;
    int64_t value;
};

uint3 plain(dim3 shape) { return {shape.x, shape.y, shape.z}; }

template <class Frame>
Frame* of(void* frame) {
    return static_cast<Frame*>(frame);
}

int64_t combine(Integer operation, int64_t a, int64_t b) {
    switch (operation) {
        case Integer::sum:
            return a + b;
        case Integer::minimum:
            return a < b ? a : b;
        case Integer::maximum:
            return a > b ? a : b;
        case Integer::conjunction:
            return a & b;
        case Integer::disjunction:
            return a | b;
        case Integer::parity:
            return a ^ b;
    }
    return 0;
}

template <class T>
T next_value(Atomic operation, T old, T operand) {
    switch (operation) {
        case Atomic::add:
            return T(std::make_unsigned_t<T>(old) + std::make_unsigned_t<T>(operand));
        case Atomic::minimum:
            return old < operand ? old : operand;
        case Atomic::maximum:
            return old > operand ? old : operand;
        case Atomic::exchange:
            return operand;
        case Atomic::conjunction:
            return old & operand;
        case Atomic::disjunction:
            return old | operand;
        case Atomic::exclusive_or:
            return old ^ operand;
    }
    return operand;
}

template <class T>
uint64_t change(Atomic operation, void* address, uint64_t operand) {
    auto* value = static_cast<T*>(address);
    T old = __atomic_load_n(value, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(value, &old, next_value(operation, old, T(operand)), false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
    }
    return uint64_t(old);
}

}  // namespace

uint3 thread_index() { return Block::running()->thread().index; }
uint3 block_index() { return Block::running()->index(); }
uint3 block_shape() { return plain(Block::running()->launch().block); }
uint3 grid_shape() { return plain(Block::running()->launch().grid); }
int lane_index() { return int(Block::running()->thread().lane); }
void* dynamic_shared_memory() { return Block::running()->shared_memory(); }

int barrier(Reduction reduction, int value, Site site) { return Block::running()->barrier(reduction, value, site); }

void meet(unsigned mask, void* frame, Meeting meeting, const char* name, Site site) {
    Block::running()->meet(mask, frame, meeting, name, site);
}

void synchronize_warp(unsigned mask, Site site) { Block::running()->synchronize_warp(mask, site); }

void refuse(const char* what, Site site) {
    Block::running()->stop(Fault::refused, std::string("calls ") + what + at(site));
}

void shuffle(unsigned mask, ShuffleFrame& frame, const char* name, Site site) {
    meet(
        mask, &frame,
        [](void* const* frames) {
            for (int i = 0; i < 32; ++i) {
                if (!frames[i]) continue;
                auto* own = of<ShuffleFrame>(frames[i]);
                const auto* other = of<ShuffleFrame>(frames[own->source]);
                if (!other) {
                    Block::running()->stop(Fault::missing_lane, "takes part in a shuffle in which lane " +
                                                                    std::to_string(i) + " reads from lane " +
                                                                    std::to_string(own->source) +
                                                                    ", which is not in the mask");
                }
                own->result = other->value;
            }
        },
        name, site);
}

int shuffle_source(Shuffle kind, int operand, int width) {
    const int lane = lane_index(), first = lane & ~(width - 1);
    switch (kind) {
        case Shuffle::index:
            return first | (operand & (width - 1));
        case Shuffle::up:
            return lane - operand >= first ? lane - operand : lane;
        case Shuffle::down:
            return lane + operand < first + width ? lane + operand : lane;
        case Shuffle::exclusive_or:
            return (lane ^ operand) < first + width ? lane ^ operand : lane;
    }
    return lane;
}

unsigned ballot(unsigned mask, int predicate, const char* name, Site site) {
    VoteFrame frame{predicate, 0};
    meet(
        mask, &frame,
        [](void* const* frames) {
            unsigned votes = 0;
            for (int i = 0; i < 32; ++i) {
                if (frames[i] && of<VoteFrame>(frames[i])->predicate) votes |= 1u << i;
            }
            for (int i = 0; i < 32; ++i) {
                if (frames[i]) of<VoteFrame>(frames[i])->result = votes;
            }
        },
        name, site);
    return frame.result;
}

unsigned match_any(unsigned mask, uint64_t value, Site site) {
    MatchFrame frame{value, 0};
    meet(
        mask, &frame,
        [](void* const* frames) {
            for (int i = 0; i < 32; ++i) {
                for (int j = 0; j < 32 && frames[i]; ++j) {
                    if (frames[j] && of<MatchFrame>(frames[j])->value == of<MatchFrame>(frames[i])->value) {
                        of<MatchFrame>(frames[i])->result |= 1u << j;
                    }
                }
            }
        },
        "__match_any_sync", site);
    return frame.result;
}

int64_t reduce(unsigned mask, Integer operation, int64_t value, const char* name, Site site) {
    ReduceFrame frame{operation, value};
    meet(
        mask, &frame,
        [](void* const* frames) {
            const ReduceFrame* first = nullptr;
            int64_t result = 0;
            for (int i = 0; i < 32; ++i) {
                if (!frames[i]) continue;
                const auto* own = of<ReduceFrame>(frames[i]);
                result = first ? combine(first->operation, result, own->value) : own->value;
                if (!first) first = own;
            }
            for (int i = 0; i < 32; ++i) {
                if (frames[i]) of<ReduceFrame>(frames[i])->value = result;
            }
        },
        name, site);
    return frame.value;
}

uint64_t atomic(Atomic operation, void* address, uint64_t operand, int bytes, bool is_signed, Site site) {
    checks().atomic(address, size_t(bytes), {nullptr, site});
    if (bytes == 4) {
        return is_signed ? change<int32_t>(operation, address, operand) : change<uint32_t>(operation, address, operand);
    }
    return is_signed ? change<int64_t>(operation, address, operand) : change<uint64_t>(operation, address, operand);
}

uint64_t compare_and_swap(void* address, uint64_t expected, uint64_t desired, int bytes, Site site) {
    checks().atomic(address, size_t(bytes), {nullptr, site});
    if (bytes == 4) {
        auto old = uint32_t(expected);
        __atomic_compare_exchange_n(static_cast<uint32_t*>(address), &old, uint32_t(desired), false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED);
        return old;
    }
    __atomic_compare_exchange_n(static_cast<uint64_t*>(address), &expected, desired, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
    return expected;
}

void fence() { std::atomic_thread_fence(std::memory_order_seq_cst); }

}  // namespace aerie::sim
