// Stands in for NEON on other architectures.
#include "cpu/ops.h"

namespace aerie::cpu {
const OpTable* neon_ops() { return nullptr; }
}  // namespace aerie::cpu
