// What products of quantized weights share on every instruction set: where the numbers of a packed block lie, and the
// prefetch of the weight stream.
#pragma once
#include "cpu/ops.h"
#include "cpu/simd/simd.h"

namespace aerie::cpu::AERIE_ISA {

constexpr uint32_t kGroup = 8;  // rows of x per pass, but for tiles

// Where the numbers of a packed block lie; see PackedFormat.
template <int Format>
struct Layout;
template <>
struct Layout<kPackedQ4> {
    static constexpr uint32_t kScalesAt = kQ4ScalesAt, kBytes = kQ4ScalesAt + 128;
    static constexpr bool kMinimum = true;
};
template <>
struct Layout<kPackedQ5> {
    static constexpr uint32_t kScalesAt = kQ8ScalesAt, kBytes = kQ8ScalesAt + 128;
    static constexpr bool kMinimum = true;
};
template <>
struct Layout<kPackedQ8> {
    static constexpr uint32_t kScalesAt = kQ8ScalesAt, kBytes = kQ8ScalesAt + 64;
    static constexpr bool kMinimum = false;
};

// Four inputs.
AERIE_INLINE int32_t word(const int8_t* p) {
    int32_t value;
    memcpy(&value, p, 4);
    return value;
}

// Prefetch of the weight stream: the next bytes are fetched while this block is used. The groups of a wide batch pass
// over a panel several times; each fetches its share of the next panel, so that memory reads and computation overlap
// throughout.
struct Prefetch {
    const uint8_t* at;
    uint32_t lines;  // per block

    AERIE_INLINE void step() {
        for (uint32_t i = 0; i < lines; ++i, at += 64) __builtin_prefetch(at);
    }
};

}  // namespace aerie::cpu::AERIE_ISA
