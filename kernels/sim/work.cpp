#include "sim/work.h"

#include <algorithm>
#include <cstring>

#include "sim/block.h"
#include "sim/checks.h"
#include "sim/findings.h"
#include "sim/inject.h"
#include "sim/memory.h"

namespace aerie::sim {
namespace {

// One in so many submissions lets some work run early under a random schedule.
constexpr uint32_t kEarlyOdds = 3;

Random& chances() {
    static Random random;
    static uint64_t seed = 0;
    if (seed != schedule().seed) random = Random(seed = schedule().seed);
    return random;
}

}  // namespace

void Clock::join(const Clock& other) {
    if (last_.size() < other.last_.size()) last_.resize(other.last_.size(), 0);
    for (size_t i = 0; i < other.last_.size(); ++i) last_[i] = std::max(last_[i], other.last_[i]);
}

void Clock::reach(uint32_t chain, uint32_t work) {
    if (last_.size() <= chain) last_.resize(chain + 1, 0);
    last_[chain] = std::max(last_[chain], work);
}

Queue& Queue::get() {
    static Queue& queue = *new Queue;
    return queue;
}

WorkPointer Queue::submit(Task task, uint32_t chain, std::vector<WorkPointer> after) {
    auto work = std::make_shared<Work>();
    work->number = ++number_;
    work->chain = chain;
    if (is_checked()) chains_.push_back(chain);
    all_.reach(chain, work->number);
    work->clock = host_;
    for (const WorkPointer& before : after) {
        work->clock.join(before->clock);
        work->clock.reach(before->chain, before->number);
        if (!before->is_done) work->after.push_back(before);
    }
    work->task = std::move(task);
    if (work->task.kind == Kind::copy) watch_copy(work);
    pending_.push_back(work);
    if (schedule().order == Order::random) {
        while (chances().below(kEarlyOdds) == 0 && run_something()) {
        }
    }
    return work;
}

void Queue::watch_copy(const WorkPointer& work) {
    Memory& memory = Memory::get();
    const Task& task = work->task;
    const Allocation *source = memory.find(task.from), *target = memory.find(task.to);
    // A source that a copy before it fills is not the host's.
    if (!memory.is_watched(task.from, task.bytes) && (!source || source->space != Space::device)) {
        work->staged.assign(task.from, task.from + task.bytes);
        work->is_pinned_source = source != nullptr;
    }
    const bool is_to_host = target && target->space != Space::device;
    if (is_to_host) {
        // Until the copy has run the target holds nothing that the host may use.
        memory.open_pages(task.to, task.bytes);
        memset(task.to, 0xff, task.bytes);
        memory.watch(task.to, task.bytes, work->number);
    }
    if (is_to_host || work->is_pinned_source) unknown_.push_back(work);
}

bool Queue::is_ready(const Work& work) {
    return std::all_of(work.after.begin(), work.after.end(), [](auto& before) { return before->is_done; });
}

WorkPointer Queue::pick() {
    std::vector<WorkPointer> ready;
    std::copy_if(pending_.begin(), pending_.end(), std::back_inserter(ready),
                 [](auto& work) { return is_ready(*work); });
    if (ready.empty()) return nullptr;
    if (schedule().order == Order::forward) return ready.front();
    if (schedule().order == Order::reverse) return ready.back();
    return ready[chances().below(uint32_t(ready.size()))];
}

bool Queue::run_something() {
    const WorkPointer work = pick();
    if (work) run(work);
    return work != nullptr;
}

void Queue::finish(Work& work) {
    Memory::get().open();
    if (schedule().order == Order::forward) {
        // Nothing but what it needs, so that all else runs as late as it may.
        std::vector<Work*> wanted{&work};
        for (size_t i = 0; i < wanted.size(); ++i) {
            if (std::exchange(wanted[i]->is_wanted, true)) continue;
            for (const WorkPointer& before : wanted[i]->after) {
                if (!before->is_done) wanted.push_back(before.get());
            }
        }
        const std::vector<WorkPointer> pending = pending_;
        for (const WorkPointer& each : pending) {
            if (each->is_wanted && !each->is_done) run(each);
        }
    }
    while (!work.is_done && run_something()) {
    }
    Memory::get().close();
}

void Queue::finish_all() {
    Memory::get().open();
    while (run_something()) {
    }
    Memory::get().close();
    host_.join(all_);
    forget_known();
}

void Queue::run(const WorkPointer& work) {
    pending_.erase(std::find(pending_.begin(), pending_.end(), work));
    if (sticky_error() == cudaSuccess) do_task(*work);
    work->is_done = true;
    work->done_at = std::chrono::steady_clock::now();
    work->after.clear();
}

void Queue::do_task(Work& work) {
    Task& task = work.task;
    if (task.kind == Kind::host_function) return task.function(task.data);
    if (task.kind == Kind::nothing) return;
    Memory::get().open();
    checks().begin_work(work);
    if (task.kind == Kind::kernel) {
        if (const cudaError_t error = injected_in_kernel(task.kernel->name); error != cudaSuccess) {
            set_sticky_error(error);
        } else {
            std::vector<void*> arguments;
            for (auto& argument : task.arguments) arguments.push_back(argument.data());
            arguments.push_back(nullptr);
            run_grid({task.kernel, task.grid, task.block, task.shared_bytes, arguments.data(), work.number});
        }
        name_failed_kernel(task.kernel->name);
    } else if (task.kind == Kind::fill) {
        memset(task.to, task.value, task.bytes);
        checks().filled(task.to, task.bytes);
    } else {
        copy(work);
    }
    Memory::get().close();
}

void Queue::copy(Work& work) {
    const Task& task = work.task;
    Memory& memory = Memory::get();
    if (work.is_pinned_source) compare_staging(work);
    // What a later copy will fill holds nothing of the host any more.
    const bool is_staged = !work.staged.empty() && (!work.is_pinned_source || memory.is_watched(task.from, task.bytes));
    const char* from = is_staged ? work.staged.data() : task.from;
    const auto is_host = [&](const void* address) {
        const Allocation* allocation = memory.find(address);
        return allocation && allocation->space != Space::device;
    };
    for (const void* each : {static_cast<const void*>(from), static_cast<const void*>(task.to)}) {
        if (is_host(each)) memory.open_pages(each, task.bytes);
    }
    memmove(task.to, from, task.bytes);
    for (const void* each : {static_cast<const void*>(from), static_cast<const void*>(task.to)}) {
        if (is_host(each)) memory.close_pages(each, task.bytes);
    }
    checks().copied(task.to, task.from, task.bytes);
}

void Queue::compare_staging(Work& work) {
    if (work.staged.empty() || Memory::get().is_watched(work.task.from, work.task.bytes)) return;
    if (memcmp(work.staged.data(), work.task.from, work.task.bytes) == 0) return;
    size_t at = 0;
    while (work.staged[at] == work.task.from[at]) ++at;
    add_finding(Fault::staging_rewritten, "the host wrote to " + describe_address(work.task.from + at) +
                                              " before it knew that the copy of " + std::to_string(work.task.bytes) +
                                              " bytes from there had run");
    work.staged.clear();
}

void Queue::learn(const Work& work) {
    host_.join(work.clock);
    host_.reach(work.chain, work.number);
    forget_known();
}

void Queue::forget_known() {
    const auto is_known = [&](const WorkPointer& other) {
        return other->is_done && host_.is_after(other->chain, other->number);
    };
    for (const WorkPointer& other : unknown_) {
        if (!is_known(other)) continue;
        if (other->is_pinned_source) compare_staging(*other);
        Memory::get().unwatch(other->number);
    }
    std::erase_if(unknown_, is_known);
}

}  // namespace aerie::sim
