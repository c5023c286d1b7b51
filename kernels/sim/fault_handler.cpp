// Accesses to memory that is closed: named, and if a kernel's, turned into the end of the launch.
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdlib>

#include "sim/block.h"
#include "sim/findings.h"
#include "sim/memory.h"

namespace aerie::sim {
namespace {

constexpr size_t kSignalStackBytes = 64 << 10;
// What code may keep below its stack pointer.
constexpr uintptr_t kRedZone = 256;

struct sigaction previous;
thread_local const void* fault_address;

// Continues a kernel's thread where its access failed.
void end_launch() {
    Block& block = *Block::running();
    if (block.is_stack_guard(fault_address)) block.stop(Fault::stack_overflow, "needs more than its stack");
    block.stop(Fault::out_of_bounds, "uses " + describe_address(fault_address));
}

// Lets the thread go on in end_launch, with this stack pointer.
bool redirect(ucontext_t& context, const Block& block) {
    auto& registers = context.uc_mcontext;
    // An overflowed stack has no room for the report, and nothing returns to what is on it.
    const bool is_overflow = block.is_stack_guard(fault_address);
    const auto lower = [&](auto pointer) {
        const uintptr_t from = is_overflow ? reinterpret_cast<uintptr_t>(block.stack_end()) : uintptr_t(pointer);
        return (from - kRedZone) & ~uintptr_t(15);
    };
#if defined(__x86_64__)
    registers.gregs[REG_RSP] = greg_t(lower(registers.gregs[REG_RSP]) - 8);
    registers.gregs[REG_RIP] = reinterpret_cast<greg_t>(&end_launch);
    return true;
#elif defined(__aarch64__)
    registers.sp = lower(registers.sp);
    registers.pc = reinterpret_cast<uintptr_t>(&end_launch);
    return true;
#else
    return (void)registers, (void)lower, false;
#endif
}

void handle(int signal, siginfo_t* info, void* context) {
    const void* address = info->si_addr;
    Block* const block = Block::running();
    if (block && info->si_code > 0) {
        fault_address = address;
        if (redirect(*static_cast<ucontext_t*>(context), *block)) return;
    }
    Memory& memory = Memory::get();
    if (memory.is_watched(address)) {
        add_finding(Fault::unwaited_result,
                    "the host uses " + describe_address(address) + ", the target of a copy that it has not waited for");
    } else if (memory.release_page(address)) {
        return;
    } else if (memory.is_device(address)) {
        add_finding(Fault::device_memory_on_host, "the host uses " + describe_address(address));
    }
    // The access fails again and meets the handler from before.
    sigaction(signal, &previous, nullptr);
}

}  // namespace

void install_fault_handler() {
    struct sigaction current;
    sigaction(SIGSEGV, nullptr, &current);
    if (current.sa_sigaction == handle) return;
    previous = current;
    struct sigaction ours = {};
    ours.sa_sigaction = handle;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &ours, nullptr);
}

SignalStack::SignalStack() {
    stack_t present;
    if (sigaltstack(nullptr, &present) == 0 && !(present.ss_flags & SS_DISABLE)) return;
    void* memory = mmap(nullptr, kSignalStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    memory_ = memory;
    const stack_t stack = {.ss_sp = memory, .ss_flags = 0, .ss_size = kSignalStackBytes};
    sigaltstack(&stack, nullptr);
}

SignalStack::~SignalStack() {
    if (!memory_) return;
    const stack_t none = {.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
    sigaltstack(&none, nullptr);
    munmap(memory_, kSignalStackBytes);
}

}  // namespace aerie::sim
