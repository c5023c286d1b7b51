// The simulator's cuda_runtime.h: what CUDA sources find under this name when a C++ compiler reads them. Names, values
// and meanings are CUDA's; what is not here, no source of this house may use. docs/simulator.md says what runs behind.
#pragma once
#include "sim/device_functions.h"
#include "sim/host.h"
#include "sim/launch.h"
#include "sim/primitives.h"
#include "sim/types.h"
