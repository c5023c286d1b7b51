// The op table of one instruction set; compiled once per set with AERIE_ISA naming it.
#include "cpu/ops.h"

#define AERIE_TEXT_(x) #x
#define AERIE_TEXT(x) AERIE_TEXT_(x)
#define AERIE_JOIN_(a, b) a##b
#define AERIE_JOIN(a, b) AERIE_JOIN_(a, b)

namespace aerie::cpu {
namespace AERIE_ISA {
#define AERIE_OP(name) void name(const Op&, const Worker&);
AERIE_OPS(AERIE_OP)
#undef AERIE_OP
}  // namespace AERIE_ISA

const OpTable* AERIE_JOIN(AERIE_ISA, _ops)() {
    static const OpTable table = [] {
        OpTable ops{};
        ops.name = AERIE_TEXT(AERIE_ISA);
#define AERIE_OP(name) ops.of(OpKind::name) = AERIE_ISA::name;
        AERIE_OPS(AERIE_OP)
#undef AERIE_OP
        return ops;
    }();
    return &table;
}
}  // namespace aerie::cpu
