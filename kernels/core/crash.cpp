#include "core/crash.h"

#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <iterator>
#include <mutex>

namespace aerie {
namespace {

// Where each thread's `Running` is, for its signal handler: to read a thread-local there may call malloc, unless its
// model is initial-exec. That makes all thread-locals of the library, CUDA's runtime's 4 KiB among them, a part of the
// static block, whose room a program that opens the library later does not have.
struct RunningKey {
    RunningKey() : is_there(pthread_key_create(&key, nullptr) == 0) {}
    pthread_key_t key;
    const bool is_there;
};
const RunningKey running_key;

// The calling thread's, if it has one; does not allocate.
const Running* find_running() {
    return running_key.is_there ? static_cast<const Running*>(pthread_getspecific(running_key.key)) : nullptr;
}

}  // namespace

Running& running() {
    constinit thread_local Running mine;
    constinit thread_local bool is_known = false;
    if (!is_known && running_key.is_there) is_known = pthread_setspecific(running_key.key, &mine) == 0;
    return mine;
}

FixedText& FixedText::add(const char* text) {
    while (*text && size_ < sizeof text_) text_[size_++] = *text++;
    return *this;
}

FixedText& FixedText::add(uint64_t number, unsigned base) {
    char digits[65];
    size_t first = sizeof digits - 1;
    digits[first] = 0;
    do digits[--first] = "0123456789abcdef"[number % base];
    while (number /= base);
    return add(digits + first);
}

namespace {

constexpr struct {
    int number;
    const char* name;
} kSignals[] = {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGABRT, "SIGABRT"}, {SIGILL, "SIGILL"}, {SIGFPE, "SIGFPE"}};
constexpr size_t kNumSignals = std::size(kSignals), kStackBytes = 64 << 10;
constexpr int kPatienceMs = 500;

struct sigaction previous[kNumSignals];
// Where the library's code lies, and its file's name.
uintptr_t base, text_begin, text_end;
const char* file_name = "";
std::atomic<bool> reported{false};

uintptr_t program_counter(const void* context) {
    const auto& registers = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
    return uintptr_t(registers.gregs[REG_RIP]);
#elif defined(__aarch64__)
    return uintptr_t(registers.pc);
#else
    return (void)registers, 0;
#endif
}

void report(const Running& running, const char* name, bool by_kernel, uintptr_t pc, const void* address) {
    FixedText line;
    line.add("Cannot go on: ").add(name).add(" in the native library");
    if (pc >= text_begin && pc < text_end) line.add(" at ").add(file_name).add("+0x").add(pc - base, 16);
    if (by_kernel) line.add(", address 0x").add(reinterpret_cast<uintptr_t>(address), 16);
    line.add(": ");
    const void* ops = running.ops.load(std::memory_order_relaxed);
    const char* call = running.call.load(std::memory_order_relaxed);
    if (ops) {
        running.describe.load(std::memory_order_relaxed)(ops, running.at.load(std::memory_order_relaxed), line);
        if (call) line.add(", ");
    }
    if (call) line.add("call ").add(call);
    if (!ops && !call) line.add("between two calls");
    line.add(", native thread ").add(running.thread.load(std::memory_order_relaxed)).add("\n");
    for (size_t at = 0; at < line.size();) {
        const ssize_t written = write(STDERR_FILENO, line.data() + at, line.size() - at);
        if (written <= 0) return;
        at += size_t(written);
    }
}

// Ends the process by the signal itself once the handler has returned.
void end_by(int signal) {
    struct sigaction standard = {};
    standard.sa_handler = SIG_DFL;
    sigaction(signal, &standard, nullptr);
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal);
}

void hand_on(int signal, const struct sigaction& handler, bool by_kernel, siginfo_t* info, void* context) {
    if (handler.sa_flags & SA_SIGINFO) return handler.sa_sigaction(signal, info, context);
    if (handler.sa_handler == SIG_IGN && !by_kernel) return;
    if (handler.sa_handler == SIG_DFL || handler.sa_handler == SIG_IGN) return end_by(signal);
    handler.sa_handler(signal);
}

void handle(int signal, siginfo_t* info, void* context) {
    size_t i = 0;
    while (kSignals[i].number != signal) ++i;
    const uintptr_t pc = program_counter(context);
    const bool by_kernel = info->si_code > 0;
    // Code that the library called, such as memcpy or abort, lies outside its text; the mark of the call attributes it.
    const Running* const known = find_running();
    const bool inside =
        (pc >= text_begin && pc < text_end) ||
        (known && (known->call.load(std::memory_order_relaxed) || known->ops.load(std::memory_order_relaxed)));
    if (!inside) return hand_on(signal, previous[i], by_kernel, info, context);
    if (reported.exchange(true)) {
        // Waits for another thread that is about to end the process to write its line; goes on if its handler
        // recovered.
        for (int waited = 0; waited < kPatienceMs; ++waited) usleep(1000);
        return hand_on(signal, previous[i], by_kernel, info, context);
    }
    static constinit const Running nothing;
    report(known ? *known : nothing, kSignals[i].name, by_kernel, pc, info->si_addr);
    // A fault raised by the kernel happens again and meets the previous handler, which may handle it, for example a
    // stack overflow. A signal that was sent would not happen again.
    if (by_kernel) {
        sigaction(signal, &previous[i], nullptr);
    } else {
        end_by(signal);
    }
}

int find_text(dl_phdr_info* library, size_t, void*) {
    const uintptr_t here = reinterpret_cast<uintptr_t>(&handle);
    for (int i = 0; i < library->dlpi_phnum; ++i) {
        const auto& segment = library->dlpi_phdr[i];
        const uintptr_t begin = library->dlpi_addr + segment.p_vaddr, end = begin + segment.p_memsz;
        if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X) || here < begin || here >= end) continue;
        base = library->dlpi_addr;
        text_begin = begin;
        text_end = end;
        const char* slash = strrchr(library->dlpi_name, '/');
        file_name = slash ? slash + 1 : library->dlpi_name;
        return 1;
    }
    return 0;
}

}  // namespace

void install_crash_handlers() {
    static std::once_flag once;
    std::call_once(once, [] {
        dl_iterate_phdr(find_text, nullptr);
        for (size_t i = 0; i < kNumSignals; ++i) {
            struct sigaction ours = {};
            ours.sa_sigaction = handle;
            ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
            sigfillset(&ours.sa_mask);
            // The previous handler is read before ours is installed: a fault may come at once.
            sigaction(kSignals[i].number, nullptr, &previous[i]);
            sigaction(kSignals[i].number, &ours, nullptr);
        }
    });
}

CrashStack::CrashStack(uint32_t thread) {
    running().thread.store(thread, std::memory_order_relaxed);
    char name[16];
    snprintf(name, sizeof name, "aerie-%u", thread);
    pthread_setname_np(pthread_self(), name);
    memory_ = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory_ == MAP_FAILED) {
        memory_ = nullptr;
        return;
    }
    const stack_t stack = {.ss_sp = memory_, .ss_flags = 0, .ss_size = kStackBytes};
    sigaltstack(&stack, nullptr);
}

CrashStack::~CrashStack() {
    if (!memory_) return;
    const stack_t none = {.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
    sigaltstack(&none, nullptr);
    munmap(memory_, kStackBytes);
}

}  // namespace aerie
