#include "sim/block.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "sim/checks.h"
#include "sim/findings.h"

namespace aerie::sim {
namespace {

constinit thread_local Block* running_block = nullptr;
constexpr size_t kSharedAlignment = 1024;

uint3 unfold(uint64_t number, dim3 shape) {
    return {unsigned(number % shape.x), unsigned(number / shape.x % shape.y), unsigned(number / shape.x / shape.y)};
}

}  // namespace

void Block::Release::operator()(char* memory) const { free(memory); }

Block& Block::here() {
    static thread_local Block block;
    return block;
}

Block* Block::running() { return running_block; }

// The body of every fiber: one thread of each block.
void run_thread() {
    for (;;) {
        Block& block = *running_block;
        block.launch_.kernel->call(block.launch_.kernel->address, block.launch_.arguments);
        block.exit_thread();
    }
}

void Block::begin(const Launch& launch, uint64_t number) {
    launch_ = launch;
    number_ = number;
    index_ = unfold(number, launch.grid);
    num_threads_ = num_live_ = launch.block.x * launch.block.y * launch.block.z;
    num_warps_ = (num_threads_ + 31) / 32;
    num_at_barrier_ = barrier_epoch_ = ready_warps_ = 0;
    failed_ = false;
    static std::atomic<uint32_t> serials{0};
    serial_ = ++serials;
    order_ = schedule().order;
    random_ = Random(schedule().seed * 1000003 + launch.work * 8191 + number);
    if (!threads_) threads_.reset(new Thread[kMaxThreads]());
    stacks_.reserve(num_threads_);
    for (uint32_t i = num_begun_; i < num_threads_; ++i) {
        begin_fiber(threads_[i].fiber, stacks_.at(i), Stacks::kBytes, run_thread);
    }
    if (num_threads_ > num_begun_) num_begun_ = num_threads_;
    memset(ready_lanes_, 0, sizeof ready_lanes_);
    for (uint32_t i = 0; i < num_threads_; ++i) {
        Thread& thread = threads_[i];
        thread.index = unfold(i, launch.block);
        thread.number = i;
        thread.warp = i / 32;
        thread.lane = i % 32;
        thread.warp_epoch = 0;
        thread.copies.pending.clear();
        thread.copies.group = 0;
        make_ready(thread);
    }
    if (launch.shared_bytes > shared_capacity_) {
        shared_capacity_ = (launch.shared_bytes + kSharedAlignment - 1) / kSharedAlignment * kSharedAlignment;
        shared_.reset(static_cast<char*>(aligned_alloc(kSharedAlignment, shared_capacity_)));
        if (!shared_) throw std::bad_alloc();
    }
    // NaNs, so that what nobody wrote shows where accesses are not checked.
    if (launch.shared_bytes > 0) memset(shared_.get(), 0xff, launch.shared_bytes);
}

bool Block::run(const Launch& launch, uint64_t number) {
    begin(launch, number);
    checks().begin_block(*this);
    Block* const outer = running_block;
    running_block = this;
    current_ = next();
    switch_fiber(caller_, current_->fiber);
    running_block = outer;
    current_ = nullptr;
    // Fibers that did not come to their end begin anew.
    if (failed_) num_begun_ = 0;
    return !failed_;
}

void Block::make_ready(Thread& thread) {
    thread.waiting = Waiting::no;
    ready_lanes_[thread.warp] |= 1u << thread.lane;
    ready_warps_ |= 1u << thread.warp;
}

Thread* Block::next() {
    if (ready_warps_ == 0) return nullptr;
    uint32_t warp, lane;
    if (order_ == Order::random) {
        uint32_t warps = ready_warps_;
        for (uint32_t skip = random_.below(uint32_t(__builtin_popcount(warps))); skip > 0; --skip) warps &= warps - 1;
        warp = uint32_t(__builtin_ctz(warps));
        uint32_t lanes = ready_lanes_[warp];
        for (uint32_t skip = random_.below(uint32_t(__builtin_popcount(lanes))); skip > 0; --skip) lanes &= lanes - 1;
        return &this->lane(warp, uint32_t(__builtin_ctz(lanes)));
    }
    // The rest of the warp that runs, then the warps after it, or before it.
    if (order_ == Order::forward) {
        const uint32_t from = current_ ? current_->warp : 0, later = ready_warps_ >> from << from;
        warp = uint32_t(__builtin_ctz(later ? later : ready_warps_));
        lane = uint32_t(__builtin_ctz(ready_lanes_[warp]));
    } else {
        const uint32_t from = current_ ? current_->warp : 31, earlier = ready_warps_ & (~0u >> (31 - from));
        warp = 31 - uint32_t(__builtin_clz(earlier ? earlier : ready_warps_));
        lane = 31 - uint32_t(__builtin_clz(ready_lanes_[warp]));
    }
    return &this->lane(warp, lane);
}

void Block::go_on_with(Thread* thread) {
    Thread& from = *current_;
    if (thread == &from) return;
    current_ = thread;
    switch_fiber(from.fiber, thread ? thread->fiber : caller_);
}

void Block::wait(Waiting waiting, const char* call, Site site) {
    Thread& thread = *current_;
    thread.waiting = waiting;
    thread.call = call;
    thread.site = site;
    ready_lanes_[thread.warp] &= ~(1u << thread.lane);
    if (ready_lanes_[thread.warp] == 0) ready_warps_ &= ~(1u << thread.warp);
    Thread* following = next();
    if (!following) report_deadlock();
    go_on_with(following);
}

void Block::exit_thread() {
    Thread& thread = *current_;
    if (!thread.copies.pending.empty()) {
        stop(Fault::async_copy, "exits while a cp.async of it is under way: it never waited for its group");
    }
    --num_live_;
    if (num_live_ == 0) {
        thread.waiting = Waiting::exited;
        return go_on_with(nullptr);
    }
    if (num_at_barrier_ == num_live_) {
        thread.waiting = Waiting::exited;
        report(Fault::divergent_barrier, describe_waiting());
        return go_on_with(nullptr);
    }
    wait(Waiting::exited, "", {"", 0});
}

int Block::barrier(Reduction reduction, int value, Site site) {
    Thread& thread = *current_;
    thread.value = value;
    thread.reduction = reduction;
    if (++num_at_barrier_ == num_live_) {
        thread.waiting = Waiting::at_barrier;
        thread.call = "__syncthreads";
        thread.site = site;
        release_barrier();
    } else {
        wait(Waiting::at_barrier, "__syncthreads", site);
    }
    return thread.value;
}

void Block::release_barrier() {
    const Thread& last = *current_;
    int sum = 0;
    for (uint32_t i = 0; i < num_threads_; ++i) {
        const Thread& other = threads_[i];
        const bool is_same = other.waiting == Waiting::at_barrier && other.reduction == last.reduction &&
                             other.site.line == last.site.line && strcmp(other.site.file, last.site.file) == 0;
        if (!is_same) {
            report(Fault::divergent_barrier, describe_waiting());
            return go_on_with(nullptr);
        }
        sum += other.value;
    }
    if (last.reduction == Reduction::any) sum = sum != 0;
    if (last.reduction == Reduction::all) sum = sum == int(num_threads_);
    num_at_barrier_ = 0;
    ++barrier_epoch_;
    for (uint32_t i = 0; i < num_threads_; ++i) {
        threads_[i].value = sum;
        make_ready(threads_[i]);
    }
}

void Block::meet(unsigned mask, void* frame, Meeting meeting, const char* call, Site site) {
    Thread& thread = *current_;
    const uint32_t here = 1u << thread.lane;
    if (!(mask & here)) {
        stop(Fault::lane_outside_mask, std::string("calls ") + call + at(site) + " with mask " + hexadecimal(mask));
    }
    thread.mask = mask;
    thread.meeting = meeting;
    thread.frame = frame;
    bool is_last = (ready_lanes_[thread.warp] & mask) == here;
    for (unsigned rest = mask & ~here; is_last && rest; rest &= rest - 1) {
        const uint32_t other_lane = uint32_t(__builtin_ctz(rest));
        const Thread& other = lane(thread.warp, other_lane);
        is_last = thread.warp * 32 + other_lane < num_threads_ && other.waiting == Waiting::in_warp &&
                  other.mask == mask && other.meeting == meeting && other.call == call;
    }
    if (!is_last) return wait(Waiting::in_warp, call, site);
    void* frames[32] = {};
    for (unsigned rest = mask; rest; rest &= rest - 1) {
        const uint32_t at = uint32_t(__builtin_ctz(rest));
        frames[at] = lane(thread.warp, at).frame;
    }
    thread.site = site;
    meeting(frames);
    for (unsigned rest = mask & ~here; rest; rest &= rest - 1) {
        make_ready(lane(thread.warp, uint32_t(__builtin_ctz(rest))));
    }
}

void Block::synchronize_warp(unsigned mask, Site site) {
    uint32_t epoch = current_->warp_epoch;
    meet(
        mask, &epoch,
        [](void* const* frames) {
            uint32_t latest = 0;
            for (int i = 0; i < 32; ++i) {
                if (frames[i] && *static_cast<uint32_t*>(frames[i]) > latest)
                    latest = *static_cast<uint32_t*>(frames[i]);
            }
            for (int i = 0; i < 32; ++i) {
                if (frames[i]) *static_cast<uint32_t*>(frames[i]) = latest + 1;
            }
        },
        "__syncwarp", site);
    current_->warp_epoch = epoch;
}

}  // namespace aerie::sim
