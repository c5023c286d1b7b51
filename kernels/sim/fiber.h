// Fibers: call stacks that are switched by hand, so that one OS thread runs all CUDA threads of a block by turns.
#pragma once
#include <cstddef>

#if (!defined(__x86_64__) && !defined(__aarch64__)) || defined(AERIE_SIM_UCONTEXT)
#define AERIE_SIM_USES_UCONTEXT
#include <ucontext.h>
#endif

namespace aerie::sim {

// What is kept of a fiber while another one runs.
struct Fiber {
#ifdef AERIE_SIM_USES_UCONTEXT
    ucontext_t state;
#else
    void* stack_pointer = nullptr;
#endif
};

// Makes a fiber that begins with entry(), which never returns, when it is switched to for the first time.
void begin_fiber(Fiber& fiber, char* stack, size_t bytes, void (*entry)());

// Stops `from`, which is running, and goes on with `to`. Both belong to the calling OS thread.
void switch_fiber(Fiber& from, Fiber& to);

// Stacks of equal size, each above a page that nobody may touch.
class Stacks {
  public:
    static constexpr size_t kBytes = 64 << 10;

    ~Stacks();
    // Makes sure of `count` stacks; those that are there stay. Throws std::bad_alloc.
    void reserve(size_t count);
    char* at(size_t i) const { return memory_ + i * (kBytes + kGuard) + kGuard; }
    bool contains(const void* address) const { return size_t(static_cast<const char*>(address) - memory_) < bytes_; }
    // Whether an address is in the page below a stack: that stack overflowed.
    bool is_guard(const void* address) const {
        return contains(address) && size_t(static_cast<const char*>(address) - memory_) % (kBytes + kGuard) < kGuard;
    }

  private:
    static constexpr size_t kGuard = 64 << 10, kMaxStacks = 1024;

    char* memory_ = nullptr;
    size_t bytes_ = 0, count_ = 0;
};

}  // namespace aerie::sim
