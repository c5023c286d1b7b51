// What kernels compiled with -fsanitize=thread call before every access: the simulator's checks in place of libtsan.
#include <cstdint>
#include <cstring>

#include "sim/access_checks.h"

namespace {

using namespace aerie::sim;

// Kernels reach their own stack freely; the host's code, which may be compiled so too, is not looked at.
inline void touch(const void* address, size_t bytes, bool writes, bool is_aligned, const void* return_address) {
    Block* const block = Block::running();
    if (!block || block->on_stack(address)) return;
    const Place place{return_address, {nullptr, 0}};
    if (is_aligned) checks().aligned(address, bytes, place);
    checks().access(address, bytes, writes, place);
}

}  // namespace

#define AERIE_SIM_HOOKS(bytes)                                                                                  \
    void __tsan_read##bytes(void* address) { touch(address, bytes, false, true, __builtin_return_address(0)); } \
    void __tsan_write##bytes(void* address) { touch(address, bytes, true, true, __builtin_return_address(0)); } \
    void __tsan_volatile_read##bytes(void* address) {                                                           \
        touch(address, bytes, false, true, __builtin_return_address(0));                                        \
    }                                                                                                           \
    void __tsan_volatile_write##bytes(void* address) {                                                          \
        touch(address, bytes, true, true, __builtin_return_address(0));                                         \
    }                                                                                                           \
    void __tsan_unaligned_read##bytes(void* address) {                                                          \
        touch(address, bytes, false, false, __builtin_return_address(0));                                       \
    }                                                                                                           \
    void __tsan_unaligned_write##bytes(void* address) {                                                         \
        touch(address, bytes, true, false, __builtin_return_address(0));                                        \
    }

namespace aerie::sim {

void store_vector(void* to, const void* from, size_t bytes) {
    touch(from, bytes, false, true, __builtin_return_address(0));
    touch(to, bytes, true, true, __builtin_return_address(0));
    memmove(to, from, bytes);
}

}  // namespace aerie::sim

extern "C" {

AERIE_SIM_HOOKS(1)
AERIE_SIM_HOOKS(2)
AERIE_SIM_HOOKS(4)
AERIE_SIM_HOOKS(8)
AERIE_SIM_HOOKS(16)

void __tsan_read_range(void* address, size_t bytes) {
    touch(address, bytes, false, false, __builtin_return_address(0));
}
void __tsan_write_range(void* address, size_t bytes) {
    touch(address, bytes, true, false, __builtin_return_address(0));
}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}

// Called once for every file compiled so, before the program begins.
void __tsan_init() {
    static AccessChecks& access_checks = *new AccessChecks;
    set_checks(access_checks);
}

}  // extern "C"
