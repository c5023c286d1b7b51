// Pieces of work on a device: what they do, after what, and what they are ordered after.
#pragma once
#include <chrono>
#include <memory>
#include <vector>

#include "sim/kernels.h"
#include "sim/types.h"

namespace aerie::sim {

enum class Kind { kernel, copy, fill, host_function, nothing };

// What a piece of work does, once or as a node of a graph.
struct Task {
    Kind kind = Kind::nothing;
    // kernel
    Kernel* kernel = nullptr;
    dim3 grid, block;
    size_t shared_bytes = 0;
    std::vector<std::vector<char>> arguments;
    // copy and fill
    char* to = nullptr;
    const char* from = nullptr;
    size_t bytes = 0;
    int value = 0;
    // host_function
    cudaHostFn_t function = nullptr;
    void* data = nullptr;
};

// For each chain of ordered work, the number of the last one that something comes after.
class Clock {
  public:
    void join(const Clock& other);
    void reach(uint32_t chain, uint32_t work);
    bool is_after(uint32_t chain, uint32_t work) const { return chain < last_.size() && work <= last_[chain]; }

  private:
    std::vector<uint32_t> last_;
};

struct Work {
    uint32_t number = 0, chain = 0;
    Task task;
    std::vector<std::shared_ptr<Work>> after;  // until it is done
    Clock clock;                               // what comes before it
    bool is_done = false, is_wanted = false;
    std::chrono::steady_clock::time_point done_at;
    std::vector<char> staged;  // a pageable source, or what a pinned source held when the copy was submitted
    bool is_pinned_source = false;
};
using WorkPointer = std::shared_ptr<Work>;

// Work that was submitted and is not done. It is run when it must be, or before by chance.
class Queue {
  public:
    static Queue& get();

    uint32_t new_chain() { return num_chains_++; }
    // Submits a task on a chain after other work and after what the host has waited for.
    WorkPointer submit(Task task, uint32_t chain, std::vector<WorkPointer> after);
    // Runs what is needed for a piece of work, and other work by chance.
    void finish(Work& work);
    // Runs all work; the host knows it.
    void finish_all();
    // Runs something that may run; false if there is nothing.
    bool run_something();
    // The host knows from now on that work is done.
    void learn(const Work& work);
    // The chain of a piece of work by number.
    uint32_t chain_of(uint32_t number) const { return chains_[number]; }

  private:
    static bool is_ready(const Work& work);
    // The work to run next among what is pending, in the order of the schedule; null if nothing is ready.
    WorkPointer pick();
    void run(const WorkPointer& work);
    void do_task(Work& work);
    void copy(Work& work);
    // Keeps what a copy's source holds and closes its target, if they are the host's.
    void watch_copy(const WorkPointer& work);
    // Ends the watch over what the host knows to be done.
    void forget_known();
    // Reports a pinned source that is no longer what it was when its copy was submitted.
    void compare_staging(Work& work);

    uint32_t num_chains_ = 1, number_ = 0;
    std::vector<WorkPointer> pending_;
    std::vector<WorkPointer> unknown_;  // done or not, with staging or a watched target, and the host does not know
    std::vector<uint32_t> chains_{0};   // by number of work, where accesses are checked
    Clock host_, all_;                  // what the host knows to be done; what was submitted
};

}  // namespace aerie::sim
