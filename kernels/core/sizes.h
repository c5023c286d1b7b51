// Products of sizes that come from outside.
#pragma once
#include <cstdint>
#include <initializer_list>

#include "core/error.h"

namespace aerie {

// Bytes of an object, the product of its sides. Throws AERIE_OUT_OF_MEMORY where it exceeds what can be addressed.
inline uint64_t checked_bytes(const char* op, std::initializer_list<uint64_t> sides) {
    constexpr uint64_t kMost = uint64_t(1) << 47;
    uint64_t bytes = 1;
    for (const uint64_t side : sides)
        if (__builtin_mul_overflow(bytes, side, &bytes) || bytes > kMost)
            fail(AERIE_OUT_OF_MEMORY, "%s: more than 2^47 bytes", op);
    return bytes;
}

}  // namespace aerie
