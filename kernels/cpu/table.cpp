// The op table of one instruction set; compiled once per set with AERIE_ISA naming it.
#include "cpu/ops.h"

#define AERIE_TEXT_(x) #x
#define AERIE_TEXT(x) AERIE_TEXT_(x)
#define AERIE_JOIN_(a, b) a##b
#define AERIE_JOIN(a, b) AERIE_JOIN_(a, b)

namespace aerie::cpu {
namespace AERIE_ISA {
void embedding(const Op&, const Worker&);
void rms_norm(const Op&, const Worker&);
void linear(const Op&, const Worker&);
void rope_angles(const Op&, const Worker&);
void rope(const Op&, const Worker&);
void kv_store(const Op&, const Worker&);
void attention(const Op&, const Worker&);
void silu_mul(const Op&, const Worker&);
void gather_outputs(const Op&, const Worker&);
void gather_rows(const Op&, const Worker&);
void store_rows(const Op&, const Worker&);
void add_bias(const Op&, const Worker&);
void sample(const Op&, const Worker&);
}  // namespace AERIE_ISA

const OpTable* AERIE_JOIN(AERIE_ISA, _ops)() {
    using namespace AERIE_ISA;
    static const OpTable table = {
        AERIE_TEXT(AERIE_ISA), embedding,   rms_norm,   linear,   rope_angles, rope, kv_store, attention, silu_mul,
        gather_outputs,        gather_rows, store_rows, add_bias, sample};
    return &table;
}
}  // namespace aerie::cpu
