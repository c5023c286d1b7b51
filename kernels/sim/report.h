// What the simulator found and counted, and what it is told to do: for tests, which link it or call aerie_sim_*.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/types.h"

namespace aerie::sim {

enum class Fault {
    divergent_barrier,     // threads of a block meet at different barriers, or some have left
    missing_lane,          // a warp operation waits for a lane that does not come
    lane_outside_mask,     // a lane calls a warp operation whose mask does not name it
    race,                  // two threads use the same bytes, one writes, and no barrier is between
    unwritten,             // a kernel reads memory that nobody wrote
    async_copy,            // memory of a cp.async is used before its group was waited for, or never waited for
    out_of_bounds,         // an access outside of every allocation, or across its end
    host_memory,           // a kernel uses memory of the host that is not mapped for it
    misaligned,            // a vector at an address that is no multiple of its size
    stack_overflow,        // a thread of a kernel needs more than its stack
    refused,               // an operation without a defined result
    unordered_work,        // two pieces of work use the same bytes, one writes, and no stream or event orders them
    staging_rewritten,     // the host writes to a pinned source before it knows that its copy ran
    unwaited_result,       // the host uses the target of a copy that it has not waited for; the process ends
    device_memory_on_host  // the host follows a pointer into device memory; the process ends
};
// The name of a fault in words.
const char* name_of(Fault fault);

struct Finding {
    Fault fault;
    std::string text;
};
// Findings since the start or the last `forget`: the first, after which the device has failed.
std::vector<Finding> findings();

struct Counters {
    uint64_t launches;  // of kernels, outside of graphs
    uint64_t graph_launches, graph_kernels, host_functions;
    uint64_t copies_to_device, bytes_to_device, copies_to_host, bytes_to_host, copies_on_device, bytes_on_device;
    uint64_t memsets, bytes_set;
    uint64_t waits;  // calls that blocked until work was done
};
// Work that was submitted, what graphs have in them included, and waits, since the last `forget`.
Counters counters();

// What kernels read and wrote of an allocation of the device, in bytes, since the last `forget`. Where accesses are not
// checked nothing is counted.
struct Traffic {
    const void* memory;
    size_t bytes;
    uint64_t bytes_read, bytes_written;
};
std::vector<Traffic> traffic();

// Finishes all work, forgets findings, counters, traffic and a sticky error, and injects no more errors.
void forget();

// The order of threads, blocks and independent work, as AERIE_SIM_SEED has it: "forward", "reverse" or a seed.
void set_schedule(const char* schedule);
// What the devices are from now on, as AERIE_SIM_DEVICE has it: "sm_80" or "sm_90".
void set_device(const char* name);
// Makes the nth call from now (1: the next) of a function of the runtime, or the nth run of a kernel whose name
// contains `kernel:`'s rest, end with an error. AERIE_SIM_FAIL has such orders: cudaMalloc:3=2,kernel:linear:1=719.
void inject(const char* call, uint64_t nth, cudaError_t error);

// True in a program whose kernels are compiled with access checks.
bool is_checked();

}  // namespace aerie::sim

extern "C" {
// Writes findings, counters and traffic as JSON; returns the bytes needed with the ending 0.
__attribute__((visibility("default"))) size_t aerie_sim_report(char* text, size_t capacity);
__attribute__((visibility("default"))) void aerie_sim_forget();
__attribute__((visibility("default"))) void aerie_sim_set_schedule(const char* schedule);
__attribute__((visibility("default"))) void aerie_sim_set_device(const char* name);
__attribute__((visibility("default"))) void aerie_sim_inject(const char* call, uint64_t nth, int32_t error);
}
