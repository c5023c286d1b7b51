#include "abi/trace.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace aerie::trace {
namespace {

constexpr const char* kNames[] = {
#define AERIE_ENTRY(name) "aerie_" #name,
    AERIE_ENTRIES(AERIE_ENTRY)
#undef AERIE_ENTRY
};

template <class T>
void append(std::string& bytes, T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string header() {
    std::string bytes = "AERIETR1";
    append(bytes, uint32_t(std::size(kNames)));
    for (const char* name : kNames) bytes.append(name, strlen(name) + 1);
    return bytes;
}

}  // namespace

Trace* Trace::instance() {
    // Never destroyed: a process may exit while Workers are still in calls.
    static Trace* const trace = [] {
        const char* path = getenv("AERIE_TRACE");
        return path && *path ? new Trace(path) : nullptr;
    }();
    return trace;
}

bool Trace::open() {
    if (file_ >= 0) return true;
    if (has_failed_) return false;
    std::string path = path_;
    for (uint32_t number = 2;; ++number) {
        file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file_ >= 0) {
            write(header());
            return !has_failed_;
        }
        if (errno != EEXIST) break;
        path = path_ + "." + std::to_string(number);
    }
    has_failed_ = true;
    fprintf(stderr, "Cannot write AERIE_TRACE: %s: %s\n", path.c_str(), strerror(errno));
    return false;
}

// Past the first failure nothing is written: a trace with a gap would not be one.
void Trace::write(const std::string& bytes) {
    for (size_t done = 0; done < bytes.size() && !has_failed_;) {
        const ssize_t written = ::write(file_, bytes.data() + done, bytes.size() - done);
        if (written >= 0) {
            done += size_t(written);
        } else if (errno != EINTR) {
            has_failed_ = true;
            fprintf(stderr, "Cannot write AERIE_TRACE: %s: %s\n", path_.c_str(), strerror(errno));
        }
    }
}

void Trace::write(Entry entry, const Arguments& arguments) {
    if (!open()) return;
    std::string bytes;
    append(bytes, uint32_t(entry));
    append(bytes, arguments.count);
    append(bytes, uint64_t(arguments.bytes.size()));
    write(bytes + arguments.bytes);
}

Turn::Turn(Trace& trace) : trace_(trace), lock_(trace.mutex_) {
    trace.recorded_.wait(
        lock_, [&] { return trace.recorder_ == std::thread::id() || trace.recorder_ == std::this_thread::get_id(); });
}

void Turn::set_recording(bool is_recording) {
    trace_.recorder_ = is_recording ? std::this_thread::get_id() : std::thread::id();
    trace_.recorded_.notify_all();
}

}  // namespace aerie::trace
