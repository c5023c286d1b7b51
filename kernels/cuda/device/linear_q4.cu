// Linear of weights of 4 bits.
#include "cuda/device/linear_quantized.h"

namespace aerie::cuda {

AERIE_QUANTIZED_LINEAR(, q4)
AERIE_QUANTIZED_LINEAR(, q4_min)

}  // namespace aerie::cuda
