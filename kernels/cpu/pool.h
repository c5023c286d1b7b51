// A persistent team of threads that run one function together (SPMD). The caller is thread 0. Waiting spins for a
// few microseconds, then sleeps in a futex, so an idle team costs no CPU.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace aerie::cpu {

class Pool {
  public:
    using Body = void (*)(void* argument, uint32_t thread);

    explicit Pool(uint32_t num_threads);
    ~Pool();
    Pool(const Pool&) = delete;

    // Threads in use, the caller included.
    uint32_t size() const { return size_; }
    // Uses the first `size` threads from the next run on; 1 .. those made.
    void resize(uint32_t size) { size_ = size; }

    // Runs body(argument, 0 .. size-1) on all threads; returns when all are done. One caller at a time.
    void run(Body body, void* argument);

    // Barrier: called by each of the run's `num_threads` threads; returns when all have arrived. The number is the
    // run's own, since a thread that leaves its last barrier late may meet another size().
    void barrier(uint32_t thread, uint32_t num_threads);

  private:
    // Arrival flag of a thread, in a cache line of its own (two, since lines are fetched in pairs), so that arriving is
    // one store.
    struct alignas(128) Arrival {
        std::atomic<uint32_t> count{0};
        uint32_t local = 0;
    };

    void publish();
    void worker(uint32_t thread);

    uint32_t size_;
    std::unique_ptr<Arrival[]> arrivals_;
    Body body_ = nullptr;
    void* argument_ = nullptr;
    const char* call_ = nullptr;  // what the caller runs this for, should a thread crash
    uint32_t first_arrival_ = 0;  // arrivals before this run; threads that sat out earlier ones catch up
    bool stopping_ = false;
    // Number of the run, times 256, plus how many threads take part.
    alignas(128) std::atomic<uint32_t> epoch_{0};
    std::vector<std::thread> threads_;
};

}  // namespace aerie::cpu
