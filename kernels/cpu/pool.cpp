#include "cpu/pool.h"

#include "core/crash.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace aerie::cpu {
namespace {

// Spins before a thread sleeps: longer than the gaps inside a forward, too short to starve the JavaScript threads.
constexpr int kSpins = 2000;

void pause() {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Threads asleep in any pool: a waker makes the system call only if there are some.
std::atomic<int32_t> num_sleepers{0};

void futex_wait(std::atomic<uint32_t>& word, uint32_t seen) {
    num_sleepers.fetch_add(1, std::memory_order_seq_cst);
    syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
    num_sleepers.fetch_sub(1, std::memory_order_relaxed);
}

void futex_wake(std::atomic<uint32_t>& word) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (num_sleepers.load(std::memory_order_relaxed) > 0)
        syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0);
}

// Returns once `word` is at least `target` (modulo 2^32).
void wait_for(std::atomic<uint32_t>& word, uint32_t target) {
    for (int spin = 0;; ++spin) {
        const uint32_t seen = word.load(std::memory_order_acquire);
        if (int32_t(seen - target) >= 0) return;
        if (spin < kSpins) {
            pause();
        } else {
            futex_wait(word, seen);
        }
    }
}

#if defined(__x86_64__)
using ControlWord = uint32_t;
constexpr ControlWord kFlush = 0x8040;  // FTZ and DAZ
ControlWord control_word() { return _mm_getcsr(); }
void set_control_word(ControlWord word) { _mm_setcsr(word); }
#elif defined(__aarch64__)
using ControlWord = uint64_t;
constexpr ControlWord kFlush = 1u << 24;  // FZ
ControlWord control_word() {
    ControlWord word;
    asm volatile("mrs %0, fpcr" : "=r"(word));
    return word;
}
void set_control_word(ControlWord word) { asm volatile("msr fpcr, %0" : : "r"(word)); }
#else
using ControlWord = uint32_t;
constexpr ControlWord kFlush = 0;
ControlWord control_word() { return 0; }
void set_control_word(ControlWord) {}
#endif

// Denormals cost a hundred cycles each; the caller's own setting comes back afterwards.
class FlushDenormals {
  public:
    FlushDenormals() : saved_(control_word()) { set_control_word(saved_ | kFlush); }
    ~FlushDenormals() { set_control_word(saved_); }

  private:
    ControlWord saved_;
};

}  // namespace

Pool::Pool(uint32_t num_threads) : size_(num_threads), arrivals_(new Arrival[num_threads]) {
    for (uint32_t t = 1; t < num_threads; ++t) threads_.emplace_back([this, t] { worker(t); });
}

Pool::~Pool() {
    stopping_ = true;
    publish();
    for (auto& thread : threads_) thread.join();
}

void Pool::publish() {
    epoch_.store((epoch_.load(std::memory_order_relaxed) / 256 + 1) * 256 + size_, std::memory_order_seq_cst);
    futex_wake(epoch_);
}

void Pool::run(Body body, void* argument) {
    FlushDenormals flush;
    if (size_ == 1) return body(argument, 0);
    body_ = body;
    argument_ = argument;
    call_ = running().call.load(std::memory_order_relaxed);
    first_arrival_ = arrivals_[0].local;
    publish();
    body(argument, 0);
    barrier(0, size_);
}

void Pool::barrier(uint32_t thread, uint32_t num_threads) {
    if (num_threads == 1) return;
    Arrival& mine = arrivals_[thread];
    const uint32_t target = ++mine.local;
    mine.count.store(target, std::memory_order_seq_cst);
    futex_wake(mine.count);
    for (uint32_t t = 0; t < num_threads; ++t)
        if (t != thread) wait_for(arrivals_[t].count, target);
}

void Pool::worker(uint32_t thread) {
    const CrashStack stack(thread);
    FlushDenormals flush;
    for (uint32_t next = 256;; next = (next / 256 + 1) * 256) {
        wait_for(epoch_, next);
        if (stopping_) return;
        next = epoch_.load(std::memory_order_acquire);
        const uint32_t num_threads = next % 256;
        if (thread >= num_threads) continue;
        arrivals_[thread].local = first_arrival_;
        const RunningCall call(call_);
        body_(argument_, thread);
        barrier(thread, num_threads);
    }
}

}  // namespace aerie::cpu
