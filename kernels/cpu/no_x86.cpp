// Stands in for the x86 instruction sets on other architectures.
#include "cpu/ops.h"

namespace aerie::cpu {
const OpTable* avx2_ops() { return nullptr; }
const OpTable* avxvnni_ops() { return nullptr; }
const OpTable* avx512vnni_ops() { return nullptr; }
const OpTable* amx_ops() { return nullptr; }
}  // namespace aerie::cpu
