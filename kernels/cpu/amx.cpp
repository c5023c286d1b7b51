// The op table of CPUs with AMX: that of AVX-512, but for products.
#include "cpu/ops.h"

namespace aerie::cpu {
namespace amx {
void linear(const Op&, const Worker&);
void expert_linear(const Op&, const Worker&);
}  // namespace amx

const OpTable* amx_ops() {
    static const OpTable table = [] {
        OpTable ops = *avx512vnni_ops();
        ops.name = "amx";
        ops.takes_bf16x2 = true;
        ops.of(OpKind::linear) = amx::linear;
        ops.of(OpKind::expert_linear) = amx::expert_linear;
        return ops;
    }();
    return &table;
}
}  // namespace aerie::cpu
