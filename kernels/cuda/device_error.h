// Errors of the CUDA runtime.
#pragma once
#include <string>

#include "core/error.h"

namespace aerie::cuda {

// AERIE_DEVICE of a call of the runtime.
class DeviceError : public Error {
  public:
    // is_lasting: every call fails from now on. The cause may be any work before, whichever call found it.
    DeviceError(const std::string& call, const std::string& cause, bool is_lasting)
        : Error(AERIE_DEVICE, call + ": " + cause), cause(cause), is_lasting(is_lasting) {}
    const std::string cause;  // "CUDA error 719, unspecified launch failure"
    const bool is_lasting;
};

}  // namespace aerie::cuda
