// What drawing needs of the backend.
#pragma once
#include <cstddef>

#include "core/op.h"

namespace aerie::cuda {

// Bytes of Launch.scratch with which an op draws. With less, but for one row, rows are drawn in groups, to the same
// results.
size_t sampling_scratch_bytes(const Op& op);

}  // namespace aerie::cuda
