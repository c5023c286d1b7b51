// Philox 4x32-10 (Salmon et al. 2011): a counter-based generator, so that a draw is a function of (seed, position).
#pragma once
#include <cstdint>

#include "core/host_device.h"

namespace aerie {

// Uniform in [0, 1) with 53 bits, key (seed, seed_high), counter (position, 0, 0, 0).
AERIE_HOST_DEVICE inline double philox_uniform(uint32_t seed, uint32_t seed_high, uint32_t position) {
    uint32_t c0 = position, c1 = 0, c2 = 0, c3 = 0, k0 = seed, k1 = seed_high;
    for (int round = 0; round < 10; ++round) {
        const uint64_t p0 = uint64_t(0xD2511F53u) * c0, p1 = uint64_t(0xCD9E8D57u) * c2;
        const uint32_t n0 = uint32_t(p1 >> 32) ^ c1 ^ k0, n2 = uint32_t(p0 >> 32) ^ c3 ^ k1;
        c1 = uint32_t(p1);
        c3 = uint32_t(p0);
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return double((uint64_t(c0) << 32 | c1) >> 11) * 0x1p-53;
}

}  // namespace aerie
