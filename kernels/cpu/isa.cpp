// Choice of the op table: the best instruction set that this CPU has.
#include <cstdlib>
#include <cstring>
#if defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include "core/error.h"
#include "cpu/ops.h"

namespace aerie::cpu {
namespace {

#if defined(__x86_64__)
// Linux gives a process tile registers when asked (arch_prctl: ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA).
bool has_tiles() {
    return __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") &&
           __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("gfni") &&
           !syscall(SYS_arch_prctl, 0x1023, 18);
}
#endif

const OpTable* table_named(const char* name) {
#if defined(__x86_64__)
    if (!strcmp(name, "amx") && !has_tiles())
        fail(AERIE_UNSUPPORTED, "AERIE_CPU_ISA: this CPU or its kernel has no amx");
#endif
    for (const OpTable* table : {amx_ops(), avx512vnni_ops(), avxvnni_ops(), avx2_ops(), neon_ops(), portable_ops()})
        if (table && !strcmp(table->name, name)) return table;
    fail(AERIE_UNSUPPORTED, "AERIE_CPU_ISA: %s is not built into this library", name);
}

}  // namespace

const OpTable* best_ops() {
    if (const char* forced = getenv("AERIE_CPU_ISA"); forced && *forced) return table_named(forced);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        return has_tiles() ? amx_ops() : avx512vnni_ops();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
        return __builtin_cpu_supports("avxvnni") ? avxvnni_ops() : avx2_ops();
#elif defined(__aarch64__)
    if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) return neon_ops();
#endif
    return portable_ops();
}

}  // namespace aerie::cpu
