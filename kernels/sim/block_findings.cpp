// What a block reports when it cannot go on.
#include <cstring>

#include "sim/block.h"
#include "sim/findings.h"

namespace aerie::sim {
namespace {

// Groups of threads that a text names.
constexpr int kMaxGroups = 6;

std::string triple(uint3 v) {
    return "(" + std::to_string(v.x) + "," + std::to_string(v.y) + "," + std::to_string(v.z) + ")";
}

}  // namespace

void Block::report(Fault fault, const std::string& text) {
    failed_ = true;
    add_finding(fault, "kernel " + launch_.kernel->name + ", block " + triple(index_) + ": " + text);
}

void Block::stop(Fault fault, const std::string& text) {
    report(fault, "thread " + triple(current_->index) + " " + text);
    go_on_with(nullptr);
    __builtin_unreachable();
}

void Block::report_deadlock() {
    bool waits_in_warp = false;
    for (uint32_t i = 0; i < num_threads_; ++i) waits_in_warp |= threads_[i].waiting == Waiting::in_warp;
    report(waits_in_warp ? Fault::missing_lane : Fault::divergent_barrier, describe_waiting());
}

std::string Block::describe_waiting() const {
    std::string text;
    const auto is_alike = [](const Thread& a, const Thread& b) {
        if (a.waiting != b.waiting) return false;
        if (a.waiting == Waiting::exited || a.waiting == Waiting::no) return true;
        return a.site.line == b.site.line && strcmp(a.site.file, b.site.file) == 0 && strcmp(a.call, b.call) == 0 &&
               (a.waiting != Waiting::in_warp || a.mask == b.mask);
    };
    int num_groups = 0;
    for (uint32_t first = 0, end; first < num_threads_; first = end) {
        if (++num_groups > kMaxGroups) return text + "; ...";
        const Thread& thread = threads_[first];
        for (end = first + 1; end < num_threads_ && is_alike(threads_[end], thread);) ++end;
        if (!text.empty()) text += "; ";
        text += end - first == 1 ? "thread " + std::to_string(first)
                                 : "threads " + std::to_string(first) + ".." + std::to_string(end - 1);
        const char* const plural = end - first == 1 ? "s" : "";
        switch (thread.waiting) {
            case Waiting::no:
                text += std::string(" run") + plural;
                break;
            case Waiting::exited:
                text += end - first == 1 ? " has exited" : " have exited";
                break;
            case Waiting::at_barrier:
                text += std::string(" wait") + plural + " in __syncthreads" + at(thread.site);
                break;
            case Waiting::in_warp:
                text += std::string(" wait") + plural + " in " + thread.call + at(thread.site) + ", mask " +
                        hexadecimal(thread.mask);
        }
    }
    return text;
}

}  // namespace aerie::sim
