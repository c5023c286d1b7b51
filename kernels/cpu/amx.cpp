// The op table of CPUs with AMX: that of AVX-512, but for products and attention.
#include "cpu/ops.h"

namespace aerie::cpu {
namespace amx {
void linear(const Op&, const Worker&);
void attention(const Op&, const Worker&);
}  // namespace amx

const OpTable* amx_ops() {
    static const OpTable table = [] {
        OpTable ops = *avx512vnni_ops();
        ops.name = "amx";
        ops.linear = amx::linear;
        ops.attention = amx::attention;
        return ops;
    }();
    return &table;
}
}  // namespace aerie::cpu
