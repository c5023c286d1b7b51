// The order in which threads, blocks and independent pieces of work run.
#pragma once
#include <cstdint>

namespace aerie::sim {

enum class Order { forward, reverse, random };

struct Schedule {
    Order order = Order::forward;
    uint64_t seed = 0;
};
// AERIE_SIM_SEED's, or what a test set last.
const Schedule& schedule();

// xorshift64*.
class Random {
  public:
    explicit Random(uint64_t seed = 1) : state_((seed + 1) * 0x9e3779b97f4a7c15u | 1) {}
    // 0 .. bound-1
    uint32_t below(uint32_t bound) {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return uint32_t((state_ * 0x2545f4914f6cdd1du >> 32) * bound >> 32);
    }

  private:
    uint64_t state_;
};

}  // namespace aerie::sim
