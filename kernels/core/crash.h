// The last line of a process that dies inside the library: names what ran, then lets the process end as it would have.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace aerie {

// Text of fixed size, put together without malloc or locale: also in a signal handler.
class FixedText {
  public:
    FixedText& add(const char* text);
    FixedText& add(uint64_t number, unsigned base = 10);
    const char* data() const { return text_; }
    size_t size() const { return size_; }

  private:
    char text_[512];
    size_t size_ = 0;
};

// What a thread does in the library at the moment. Written by that thread alone and read by its own signal handler.
struct Running {
    std::atomic<const char*> call{nullptr};  // the entry of aerie.h it is in
    std::atomic<const void*> ops{nullptr};   // the ops it runs, for `describe`
    std::atomic<void (*)(const void* ops, uint32_t at, FixedText& text)> describe{nullptr};
    std::atomic<uint32_t> at{0};      // which of them
    std::atomic<uint32_t> thread{0};  // number in its pool; 0: the caller
};

// What the calling thread does. A thread that called this once is known to its handler from then on. The first call of
// a thread may allocate.
Running& running();

// Marks this thread as inside an entry of aerie.h. Entries do not nest.
class RunningCall {
  public:
    explicit RunningCall(const char* name) : running_(running()) {
        running_.call.store(name, std::memory_order_relaxed);
    }
    ~RunningCall() { running_.call.store(nullptr, std::memory_order_relaxed); }
    RunningCall(const RunningCall&) = delete;

  private:
    Running& running_;
};

// Installs handlers of SIGSEGV, SIGBUS, SIGABRT, SIGILL and SIGFPE in front of the existing ones, once per process:
// later calls do nothing. A fault of a thread inside the library writes a line to stderr; every fault is passed on to
// the previous handler.
void install_crash_handlers();

// Names this thread and gives it a stack of its own for signal handlers, which a stack overflow needs.
class CrashStack {
  public:
    explicit CrashStack(uint32_t thread);
    ~CrashStack();
    CrashStack(const CrashStack&) = delete;

  private:
    void* memory_;
};

}  // namespace aerie
