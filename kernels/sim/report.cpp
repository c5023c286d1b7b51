#include "sim/report.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sim/checks.h"
#include "sim/counters.h"
#include "sim/findings.h"
#include "sim/inject.h"
#include "sim/memory.h"
#include "sim/runtime.h"
#include "sim/schedule.h"

namespace aerie::sim {
namespace {

Counters counted{};
Checks none;
Checks* active = &none;

Schedule parse_schedule(const char* text) {
    if (!text || !*text || strcmp(text, "forward") == 0) return {};
    if (strcmp(text, "reverse") == 0) return {Order::reverse, 0};
    return {Order::random, strtoull(text, nullptr, 10) + 1};
}

Schedule& chosen() {
    static Schedule schedule = parse_schedule(getenv("AERIE_SIM_SEED"));
    return schedule;
}

std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += (unsigned char)(c) < ' ' ? ' ' : c;
    }
    return result + "\"";
}

std::string report() {
    std::string text = "{\"findings\":[";
    for (const Finding& finding : findings()) {
        if (text.back() != '[') text += ',';
        text += "{\"fault\":" + quoted(name_of(finding.fault)) + ",\"text\":" + quoted(finding.text) + "}";
    }
    text += "],\"counters\":{";
    const Counters c = counters();
    const std::pair<const char*, uint64_t> fields[] = {{"launches", c.launches},
                                                       {"graphLaunches", c.graph_launches},
                                                       {"graphKernels", c.graph_kernels},
                                                       {"hostFunctions", c.host_functions},
                                                       {"copiesToDevice", c.copies_to_device},
                                                       {"bytesToDevice", c.bytes_to_device},
                                                       {"copiesToHost", c.copies_to_host},
                                                       {"bytesToHost", c.bytes_to_host},
                                                       {"copiesOnDevice", c.copies_on_device},
                                                       {"bytesOnDevice", c.bytes_on_device},
                                                       {"memsets", c.memsets},
                                                       {"bytesSet", c.bytes_set},
                                                       {"waits", c.waits}};
    for (const auto& [name, value] : fields) {
        if (text.back() != '{') text += ',';
        text += quoted(name) + ":" + std::to_string(value);
    }
    text += "},\"traffic\":[";
    for (const Traffic& traffic : traffic()) {
        if (text.back() != '[') text += ',';
        text += "{\"memory\":" + quoted(hexadecimal(reinterpret_cast<uintptr_t>(traffic.memory))) +
                ",\"bytes\":" + std::to_string(traffic.bytes) + ",\"read\":" + std::to_string(traffic.bytes_read) +
                ",\"written\":" + std::to_string(traffic.bytes_written) + "}";
    }
    return text + "]}";
}

}  // namespace

Checks& checks() { return *active; }
void set_checks(Checks& checks) { active = &checks; }
bool is_checked() { return active->is_active(); }

const Schedule& schedule() { return chosen(); }
void set_schedule(const char* text) {
    const RuntimeLock lock;
    chosen() = parse_schedule(text);
}

void count_task(const Task& task, bool is_in_graph) {
    const auto is_device = [](const void* address) { return Memory::get().is_device(address); };
    switch (task.kind) {
        case Kind::kernel:
            ++(is_in_graph ? counted.graph_kernels : counted.launches);
            break;
        case Kind::fill:
            ++counted.memsets, counted.bytes_set += task.bytes;
            break;
        case Kind::host_function:
            ++counted.host_functions;
            break;
        case Kind::nothing:
            break;
        case Kind::copy:
            if (is_device(task.to) && is_device(task.from)) {
                ++counted.copies_on_device, counted.bytes_on_device += task.bytes;
            } else if (is_device(task.to)) {
                ++counted.copies_to_device, counted.bytes_to_device += task.bytes;
            } else {
                ++counted.copies_to_host, counted.bytes_to_host += task.bytes;
            }
    }
}
void count_graph_launch() { ++counted.graph_launches; }
void count_wait() { ++counted.waits; }
void forget_counters() { counted = {}; }

Counters counters() {
    const RuntimeLock lock;
    return counted;
}

std::vector<Traffic> traffic() {
    const RuntimeLock lock;
    std::vector<Traffic> all;
    for (const auto& [address, allocation] : Memory::get().all()) {
        if (allocation->space != Space::device) continue;
        all.push_back({address, allocation->bytes, allocation->bytes_read, allocation->bytes_written});
    }
    return all;
}

void forget() {
    const RuntimeLock lock;
    Queue::get().finish_all();
    forget_findings();
    forget_counters();
    forget_injections();
    for (const auto& [address, allocation] : Memory::get().all()) {
        allocation->bytes_read = allocation->bytes_written = 0;
    }
}

}  // namespace aerie::sim

size_t aerie_sim_report(char* text, size_t capacity) {
    const std::string report = aerie::sim::report();
    if (capacity > report.size()) memcpy(text, report.c_str(), report.size() + 1);
    return report.size() + 1;
}
void aerie_sim_forget() { aerie::sim::forget(); }
void aerie_sim_set_schedule(const char* schedule) { aerie::sim::set_schedule(schedule); }
void aerie_sim_set_device(const char* name) { aerie::sim::set_device(name); }
void aerie_sim_inject(const char* call, uint64_t nth, int32_t error) {
    aerie::sim::inject(call, nth, cudaError_t(error));
}
