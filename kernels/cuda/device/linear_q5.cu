// Linear of weights of 5 bits.
#include "cuda/device/linear_quantized.h"

namespace aerie::cuda {

AERIE_QUANTIZED_LINEAR(, q5)
AERIE_QUANTIZED_LINEAR(, q5_min)

}  // namespace aerie::cuda
