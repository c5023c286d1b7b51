// What model ops expect of their operands; each throws with the op's name and what came instead.
#pragma once
#include <cmath>

#include "abi/context.h"

namespace aerie {

inline void expect_cols(const char* op, const char* name, const Tensor& tensor, uint64_t cols) {
    if (tensor.cols != cols)
        fail(AERIE_BAD_SHAPE, "%s: %s has %u columns, expected %llu", op, name, tensor.cols, (unsigned long long)cols);
}

inline void expect_vector(const char* op, const char* name, const Tensor& tensor, uint32_t cols) {
    if (tensor.batch || tensor.capacity != 1 || tensor.cols != cols)
        fail(AERIE_BAD_SHAPE, "%s: %s is [%u, %u], expected [1, %u]", op, name, tensor.capacity, tensor.cols, cols);
}

// Throws unless columns column .. column + cols - 1 lie inside the tensor.
inline void expect_column(const char* op, const char* name, const Tensor& tensor, uint32_t column, uint32_t cols) {
    if (uint64_t(column) + cols > tensor.cols)
        fail(AERIE_BAD_SHAPE, "%s: %s has %u columns, expected %u from column %u", op, name, tensor.cols, cols, column);
}

// Throws unless x follows the same rows as out, or all outputs where out is an output slice.
inline void expect_same_rows(const char* op, const Tensor& out, const Tensor& x) {
    const bool holds = out.scope == AERIE_OUTPUT_SLICE && x.scope == AERIE_OUTPUTS;
    if (out.batch != x.batch || (out.scope != x.scope && !holds) || (!out.batch && out.capacity != x.capacity))
        fail(AERIE_BAD_SHAPE, "%s: the tensors do not follow the same rows", op);
}

inline void expect_rows_of(const char* op, const char* name, const Tensor& tensor, const Batch& batch,
                           aerie_scope scope) {
    if (tensor.batch.get() != &batch || tensor.scope != scope)
        fail(AERIE_BAD_SHAPE, "%s: %s does not follow the batch's %s", op, name,
             scope == AERIE_ROWS ? "rows" : "outputs");
}

inline void expect_packed(const char* op, const Weight& weight) {
    if (!weight.packed) fail(AERIE_BAD_ARGUMENT, "%s: the weight is not packed", op);
}

inline void expect_cap(const char* op, const char* name, float cap) {
    if (!(cap > 0 && cap < INFINITY))
        fail(AERIE_BAD_ARGUMENT, "%s: %s is %g, expected a number above 0", op, name, cap);
}

}  // namespace aerie
