// A block of CUDA threads, run by one thread of the host: a fiber per CUDA thread, switched where they wait.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "sim/async_copy.h"
#include "sim/device.h"
#include "sim/fiber.h"
#include "sim/kernels.h"
#include "sim/report.h"
#include "sim/schedule.h"

namespace aerie::sim {

struct Launch {
    const Kernel* kernel;
    dim3 grid, block;
    size_t shared_bytes;
    void* const* arguments;
    uint32_t work;  // number of the piece of work
};

enum class Waiting : uint8_t { no, in_warp, at_barrier, exited };

struct Thread {
    Fiber fiber;
    uint3 index;
    uint32_t number, warp, lane;
    Waiting waiting;
    unsigned mask;
    Meeting meeting;
    const char* call;  // where it waits
    Site site;
    void* frame;
    Reduction reduction;
    int value;
    uint32_t warp_epoch;  // warp barriers so far
    AsyncCopies copies;
};

// A stack for the calling thread's signal handlers, if it has none yet: an overflowed stack has no room for them.
class SignalStack {
  public:
    SignalStack();
    ~SignalStack();
    SignalStack(const SignalStack&) = delete;

  private:
    void* memory_ = nullptr;
};

class Block {
  public:
    static constexpr uint32_t kMaxThreads = 1024;

    // That of the calling thread of the host.
    static Block& here();
    // Null unless a kernel runs in the calling thread.
    static Block* running();

    // Runs all threads of one block; false after a finding, which is reported.
    bool run(const Launch& launch, uint64_t number);

    int barrier(Reduction reduction, int value, Site site);
    void meet(unsigned mask, void* frame, Meeting meeting, const char* call, Site site);
    void synchronize_warp(unsigned mask, Site site);

    // Ends the launch with a finding of the running thread.
    [[noreturn]] void stop(Fault fault, const std::string& text);

    Thread& thread() { return *current_; }
    const Launch& launch() const { return launch_; }
    uint3 index() const { return index_; }
    uint64_t number() const { return number_; }
    uint32_t barrier_epoch() const { return barrier_epoch_; }
    // Number of this block among all that ran.
    uint32_t serial() const { return serial_; }
    char* shared_memory() const { return shared_.get(); }
    bool on_stack(const void* address) const { return stacks_.contains(address); }
    bool is_stack_guard(const void* address) const { return stacks_.is_guard(address); }
    // Upper end of the running thread's stack.
    char* stack_end() const { return stacks_.at(current_->number) + Stacks::kBytes; }

  private:
    friend void run_thread();

    Thread& lane(uint32_t warp, uint32_t lane) { return threads_[warp * 32 + lane]; }
    void begin(const Launch& launch, uint64_t number);
    void make_ready(Thread& thread);
    // Next thread to run; null if none can.
    Thread* next();
    void go_on_with(Thread* thread);
    void wait(Waiting waiting, const char* call, Site site);
    void exit_thread();
    void release_barrier();
    // Reports that nobody can go on.
    void report_deadlock();
    void report(Fault fault, const std::string& text);
    // Which threads wait where.
    std::string describe_waiting() const;

    SignalStack signal_stack_;
    Launch launch_{};
    uint64_t number_ = 0;
    uint3 index_{};
    std::unique_ptr<Thread[]> threads_;
    Stacks stacks_;
    Fiber caller_;
    Thread* current_ = nullptr;
    uint32_t num_threads_ = 0, num_begun_ = 0, num_warps_ = 0, num_live_ = 0, num_at_barrier_ = 0;
    uint32_t ready_lanes_[32] = {}, ready_warps_ = 0;
    uint32_t barrier_epoch_ = 0, serial_ = 0;
    bool failed_ = false;
    Order order_ = Order::forward;
    Random random_;
    struct Release {
        void operator()(char* memory) const;
    };
    std::unique_ptr<char, Release> shared_;
    size_t shared_capacity_ = 0;
};

// Runs all blocks of a grid on the host's threads; false after a finding.
bool run_grid(const Launch& launch);

}  // namespace aerie::sim
