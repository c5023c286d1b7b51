// Errors that are ordered, by AERIE_SIM_FAIL or by a test, for calls of the runtime and runs of kernels.
#pragma once
#include <string>

#include "sim/types.h"

namespace aerie::sim {

// What a call of this name returns instead of being made; cudaSuccess if it is to be made.
cudaError_t injected(const char* call);
// What the run of a kernel leaves with the device.
cudaError_t injected_in_kernel(const std::string& kernel);
void forget_injections();

}  // namespace aerie::sim
