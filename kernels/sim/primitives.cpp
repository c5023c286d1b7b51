#include "sim/primitives.h"

#include <cmath>
#include <cstring>

#include "sim/block.h"
#include "sim/checks.h"
#include "sim/findings.h"

namespace aerie::sim {
namespace {

// As bits of fp32: the least number that rounds to an infinite f16, the least normal f16, how far exponents are apart.
constexpr uint32_t kF16Infinity = 0x477ff000, kF16Normal = 0x38800000, kF16Bias = 0x38000000;

struct MmaFrame {
    uint32_t a[4], b[2];
    float d[4];
    Half type;
};

struct MatrixFrame {
    const char* row;
    uint32_t registers[4];
    int count;
    bool transposed;
};

uint16_t half_of(uint32_t pair, int i) { return uint16_t(pair >> (16 * i)); }

void multiply(void* const* frames) {
    uint16_t a[16][16], b[16][8];
    float d[16][8];
    for (int lane = 0; lane < 32; ++lane) {
        const auto& frame = *static_cast<const MmaFrame*>(frames[lane]);
        const int group = lane / 4, first = lane % 4 * 2;
        for (int i = 0; i < 2; ++i) {
            a[group][first + i] = half_of(frame.a[0], i);
            a[group + 8][first + i] = half_of(frame.a[1], i);
            a[group][first + 8 + i] = half_of(frame.a[2], i);
            a[group + 8][first + 8 + i] = half_of(frame.a[3], i);
            b[first + i][group] = half_of(frame.b[0], i);
            b[first + 8 + i][group] = half_of(frame.b[1], i);
            d[group][first + i] = frame.d[i];
            d[group + 8][first + i] = frame.d[2 + i];
        }
    }
    multiply_add(rounding(), static_cast<const MmaFrame*>(frames[0])->type, a, b, d);
    for (int lane = 0; lane < 32; ++lane) {
        auto& frame = *static_cast<MmaFrame*>(frames[lane]);
        for (int i = 0; i < 2; ++i) {
            frame.d[i] = d[lane / 4][lane % 4 * 2 + i];
            frame.d[2 + i] = d[lane / 4 + 8][lane % 4 * 2 + i];
        }
    }
}

void share_rows(void* const* frames) {
    const int count = static_cast<const MatrixFrame*>(frames[0])->count;
    for (int matrix = 0; matrix < count; ++matrix) {
        uint16_t values[8][8];
        for (int row = 0; row < 8; ++row) {
            memcpy(values[row], static_cast<const MatrixFrame*>(frames[matrix * 8 + row])->row, sizeof values[row]);
        }
        for (int lane = 0; lane < 32; ++lane) {
            auto& frame = *static_cast<MatrixFrame*>(frames[lane]);
            const int row = lane / 4, col = lane % 4 * 2;
            const uint16_t low = frame.transposed ? values[col][row] : values[row][col];
            const uint16_t high = frame.transposed ? values[col + 1][row] : values[row][col + 1];
            frame.registers[matrix] = uint32_t(high) << 16 | low;
        }
    }
}

}  // namespace

void mma_m16n8k16(Half type, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Site site) {
    MmaFrame frame;
    memcpy(frame.a, a, sizeof a);
    memcpy(frame.b, b, sizeof b);
    memcpy(frame.d, d, sizeof d);
    frame.type = type;
    meet(~0u, &frame, multiply, "mma", site);
    memcpy(d, frame.d, sizeof d);
}

void load_matrices(int count, bool transposed, uint32_t* registers, const void* row, Site site) {
    constexpr size_t kRowBytes = 16;
    if (lane_index() < count * 8) {
        checks().aligned(row, kRowBytes, {nullptr, site});
        checks().access(row, kRowBytes, false, {nullptr, site});
    }
    MatrixFrame frame{static_cast<const char*>(row), {}, count, transposed};
    meet(~0u, &frame, share_rows, "ldmatrix", site);
    memcpy(registers, frame.registers, size_t(count) * sizeof *registers);
}

void copy_async(void* to, const void* from, int bytes, int source_bytes, Site site) {
    Block& block = *Block::running();
    const bool is_size = bytes == 4 || bytes == 8 || bytes == 16;
    if (!is_size || source_bytes < 0 || source_bytes > bytes) {
        block.stop(Fault::refused, "calls cp.async" + at(site) + " with " + std::to_string(bytes) + " bytes");
    }
    if ((reinterpret_cast<uintptr_t>(to) | reinterpret_cast<uintptr_t>(from)) % size_t(bytes) != 0) {
        block.stop(Fault::misaligned,
                   "calls cp.async" + at(site) + " with addresses that are no multiples of " + std::to_string(bytes));
    }
    AsyncCopies& copies = block.thread().copies;
    copies.pending.push_back({to, from, uint32_t(bytes), uint32_t(source_bytes), copies.group});
    checks().begin_async_copy(copies.pending.back(), {nullptr, site});
    // NaNs, so that who does not wait sees it where accesses are not checked.
    memset(to, 0xff, size_t(bytes));
}

void commit_copies() { ++Block::running()->thread().copies.group; }

void wait_copies(int pending) {
    AsyncCopies& copies = Block::running()->thread().copies;
    size_t arrived = 0;
    for (; arrived < copies.pending.size(); ++arrived) {
        const AsyncCopy& copy = copies.pending[arrived];
        if (copy.group + uint32_t(pending) >= copies.group) break;
        memcpy(copy.to, copy.from, copy.source_bytes);
        memset(static_cast<char*>(copy.to) + copy.source_bytes, 0, copy.bytes - copy.source_bytes);
        checks().end_async_copy(copy);
    }
    copies.pending.erase(copies.pending.begin(), copies.pending.begin() + ptrdiff_t(arrived));
}

uint16_t to_half(Half type, float value) {
    if (std::isnan(value)) return 0x7fff;
    const auto bits = __builtin_bit_cast(uint32_t, value);
    if (type == Half::bf16) return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    const uint32_t sign = bits >> 31 << 15, magnitude = bits & 0x7fffffff;
    if (magnitude >= kF16Infinity) return uint16_t(sign | 0x7c00);
    if (magnitude < kF16Normal) return uint16_t(sign | uint32_t(std::nearbyint(std::fabs(value) * 0x1p24f)));
    return uint16_t(sign | (magnitude + 0xfff + (magnitude >> 13 & 1) - kF16Bias) >> 13);
}

float from_half(Half type, uint16_t bits) {
    if (type == Half::bf16) return __builtin_bit_cast(float, uint32_t(bits) << 16);
    const uint32_t sign = uint32_t(bits) >> 15 << 31, magnitude = bits & 0x7fff;
    if (magnitude > 0x7c00) return __builtin_bit_cast(float, 0x7fffffffu);
    if (magnitude == 0x7c00) return sign ? -INFINITY : INFINITY;
    const float value =
        magnitude < 0x400 ? float(magnitude) * 0x1p-24f : __builtin_bit_cast(float, (magnitude << 13) + kF16Bias);
    return sign ? -value : value;
}

}  // namespace aerie::sim
