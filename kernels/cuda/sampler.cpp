// Sampling, for which there is no kernel yet: check_op refuses it before it comes here.
#include "core/error.h"
#include "cuda/op.h"

namespace aerie::cuda {

void sample(const Op&, const Launch&) { fail(AERIE_UNSUPPORTED, "sample: there is no kernel for CUDA yet"); }

}  // namespace aerie::cuda
