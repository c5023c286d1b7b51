#include "sim/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace aerie::sim {

#ifdef AERIE_SIM_USES_UCONTEXT

void begin_fiber(Fiber& fiber, char* stack, size_t bytes, void (*entry)()) {
    getcontext(&fiber.state);
    fiber.state.uc_stack.ss_sp = stack;
    fiber.state.uc_stack.ss_size = bytes;
    fiber.state.uc_link = nullptr;
    makecontext(&fiber.state, entry, 0);
}

void switch_fiber(Fiber& from, Fiber& to) { swapcontext(&from.state, &to.state); }

#else

// Pushes the registers that a called function must keep, stores the stack pointer in *from, continues at `to`.
extern "C" void aerie_sim_switch(void** from, void* to);

#ifdef __x86_64__
asm(R"(
.text
.hidden aerie_sim_switch
.globl aerie_sim_switch
.type aerie_sim_switch, @function
aerie_sim_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size aerie_sim_switch, . - aerie_sim_switch
)");
// Six registers, where to return to, and a return address of `entry` that keeps the stack aligned.
constexpr size_t kFrameWords = 8, kReturnWord = 6;
#else
asm(R"(
.text
.hidden aerie_sim_switch
.globl aerie_sim_switch
.type aerie_sim_switch, %function
aerie_sim_switch:
    sub sp, sp, #160
    stp x19, x20, [sp, #0]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x19, x20, [sp, #0]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
.size aerie_sim_switch, . - aerie_sim_switch
)");
constexpr size_t kFrameWords = 20, kReturnWord = 11;
#endif

void begin_fiber(Fiber& fiber, char* stack, size_t bytes, void (*entry)()) {
    auto** frame = reinterpret_cast<void**>(stack + bytes) - kFrameWords;
    for (size_t i = 0; i < kFrameWords; ++i) frame[i] = nullptr;
    frame[kReturnWord] = reinterpret_cast<void*>(entry);
    fiber.stack_pointer = frame;
}

void switch_fiber(Fiber& from, Fiber& to) { aerie_sim_switch(&from.stack_pointer, to.stack_pointer); }

#endif

Stacks::~Stacks() {
    if (memory_) munmap(memory_, kMaxStacks * (kBytes + kGuard));
}

void Stacks::reserve(size_t count) {
    if (!memory_) {
        void* memory = mmap(nullptr, kMaxStacks * (kBytes + kGuard), PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        memory_ = static_cast<char*>(memory);
    }
    for (; count_ < count; ++count_) {
        if (mprotect(at(count_), kBytes, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
        bytes_ += kBytes + kGuard;
    }
}

}  // namespace aerie::sim
