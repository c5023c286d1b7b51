#include "core/op.h"

#include "core/error.h"

namespace aerie {

void check_dtypes(const Op& op) {
    const Tensor* gathered = op.kind == OpKind::gather_rows ? op.x : nullptr;
    const Tensor* stored = op.kind == OpKind::store_rows ? op.out : nullptr;
    for (const Tensor* tensor : {static_cast<const Tensor*>(op.out), op.x, op.y})
        if (tensor && tensor->dtype != AERIE_F32 && tensor != gathered && tensor != stored)
            fail(AERIE_UNSUPPORTED, "%s: a tensor is kept as dtype %d, expected float32", name_of(op.kind),
                 int(tensor->dtype));
}

}  // namespace aerie
