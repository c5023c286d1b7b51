// The size of the scratch memory that ops of a program share, Launch.scratch.
#pragma once
#include <cstddef>

namespace aerie::cuda {

// Bytes that an op asks for at most, unless it cannot do without more. runtime/engine/memory_needs.ts counts on it.
constexpr size_t kMostScratchBytes = size_t(64) << 20;

}  // namespace aerie::cuda
