// Linear of weights of 6 and 8 bits.
#include "cuda/device/linear_quantized.h"

namespace aerie::cuda {

AERIE_QUANTIZED_LINEAR(, q6)
AERIE_QUANTIZED_LINEAR(, q8)

}  // namespace aerie::cuda
