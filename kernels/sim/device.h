// What kernels see of the simulator: keywords, indices, barriers, warp operations, atomics, integer intrinsics. What is
// approximate on a GPU and so cannot have its bits here (rsqrtf, __expf, __fdividef, float atomics, ...) is absent.
#pragma once
#include <cmath>
#include <cstring>
#include <type_traits>

#include "sim/types.h"

#define __global__ __attribute__((noinline))
#define __device__
#define __host__
// A section of its own tells a kernel's constants from the host's variables.
#define __constant__ __attribute__((section("aerie_constant")))
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))
// A thread of the host runs one block at a time.
#define __shared__ static thread_local
#define __restrict__ __restrict

namespace aerie::sim {

// Where a kernel calls something.
struct Site {
    const char* file;
    int line;
};
#define AERIE_SIM_SITE aerie::sim::Site site = {__builtin_FILE(), __builtin_LINE()}

// A thread keeps its indices, so that one call will do.
[[gnu::const]] uint3 thread_index();
[[gnu::const]] uint3 block_index();
[[gnu::const]] uint3 block_shape();
[[gnu::const]] uint3 grid_shape();
[[gnu::const]] int lane_index();
[[gnu::const]] void* dynamic_shared_memory();

template <uint3 (*kGet)(), unsigned uint3::*kMember>
struct Coordinate {
    operator unsigned() const { return kGet().*kMember; }
};
template <uint3 (*kGet)()>
struct Triple {
    Coordinate<kGet, &uint3::x> x;
    Coordinate<kGet, &uint3::y> y;
    Coordinate<kGet, &uint3::z> z;
    operator dim3() const { return kGet(); }
};

enum class Reduction { none, sum, any, all };
// Waits for all threads of the block; gives the reduction of their values.
int barrier(Reduction reduction, int value, Site site);

// What the last lane to arrive does with the frames of all lanes; those of lanes outside the mask are null.
using Meeting = void (*)(void* const* frames);
// Waits for the lanes of the mask, of which the caller is one.
void meet(unsigned mask, void* frame, Meeting meeting, const char* name, Site site);
// As `meet`; what lanes wrote before it the others may read after it.
void synchronize_warp(unsigned mask, Site site);
[[noreturn]] void refuse(const char* what, Site site);

struct ShuffleFrame {
    uint64_t value, result;
    int source;
};
void shuffle(const unsigned mask, ShuffleFrame& frame, const char* name, Site site);
enum class Shuffle { index, up, down, exclusive_or };
int shuffle_source(Shuffle kind, int operand, int width);
unsigned ballot(unsigned mask, int predicate, const char* name, Site site);
unsigned match_any(unsigned mask, uint64_t value, Site site);
enum class Integer { sum, minimum, maximum, conjunction, disjunction, parity };
int64_t reduce(unsigned mask, Integer operation, int64_t value, const char* name, Site site);

template <class T>
T shuffled(unsigned mask, T value, Shuffle kind, int operand, int width, const char* name, Site site) {
    static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
    ShuffleFrame frame{0, 0, shuffle_source(kind, operand, width)};
    memcpy(&frame.value, &value, sizeof value);
    shuffle(mask, frame, name, site);
    memcpy(&value, &frame.result, sizeof value);
    return value;
}

enum class Atomic { add, minimum, maximum, exchange, conjunction, disjunction, exclusive_or };
// Old value of an integer of 4 or 8 bytes.
uint64_t atomic(Atomic operation, void* address, uint64_t operand, int bytes, bool is_signed, Site site);
uint64_t compare_and_swap(void* address, uint64_t expected, uint64_t desired, int bytes, Site site);
void fence();

template <class T>
T atomically(Atomic operation, T* address, T operand, Site site) {
    static_assert(std::is_integral_v<T> && (sizeof(T) == 4 || sizeof(T) == 8), "atomics are of integers");
    return T(atomic(operation, address, uint64_t(operand), sizeof(T), std::is_signed_v<T>, site));
}

}  // namespace aerie::sim

// Indices are objects, since structures of the runtime have fields of their names.
inline constexpr aerie::sim::Triple<aerie::sim::thread_index> threadIdx{};
inline constexpr aerie::sim::Triple<aerie::sim::block_index> blockIdx{};
inline constexpr aerie::sim::Triple<aerie::sim::block_shape> blockDim{};
inline constexpr aerie::sim::Triple<aerie::sim::grid_shape> gridDim{};
constexpr int warpSize = 32;

inline void __syncthreads(AERIE_SIM_SITE) { aerie::sim::barrier(aerie::sim::Reduction::none, 0, site); }
inline int __syncthreads_count(int predicate, AERIE_SIM_SITE) {
    return aerie::sim::barrier(aerie::sim::Reduction::sum, predicate != 0, site);
}
inline int __syncthreads_or(int predicate, AERIE_SIM_SITE) {
    return aerie::sim::barrier(aerie::sim::Reduction::any, predicate != 0, site);
}
inline int __syncthreads_and(int predicate, AERIE_SIM_SITE) {
    return aerie::sim::barrier(aerie::sim::Reduction::all, predicate != 0, site);
}
inline void __syncwarp(unsigned mask = ~0u, AERIE_SIM_SITE) { aerie::sim::synchronize_warp(mask, site); }
// Which lanes are active is up to a GPU's schedule, so no result may depend on it.
inline unsigned __activemask(AERIE_SIM_SITE) { aerie::sim::refuse("__activemask", site); }
inline void __threadfence() { aerie::sim::fence(); }
inline void __threadfence_block() { aerie::sim::fence(); }
inline void __threadfence_system() { aerie::sim::fence(); }

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, AERIE_SIM_SITE) {
    return aerie::sim::shuffled(mask, value, aerie::sim::Shuffle::index, source, width, "__shfl_sync", site);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, AERIE_SIM_SITE) {
    return aerie::sim::shuffled(mask, value, aerie::sim::Shuffle::up, int(delta), width, "__shfl_up_sync", site);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, AERIE_SIM_SITE) {
    return aerie::sim::shuffled(mask, value, aerie::sim::Shuffle::down, int(delta), width, "__shfl_down_sync", site);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, AERIE_SIM_SITE) {
    return aerie::sim::shuffled(mask, value, aerie::sim::Shuffle::exclusive_or, lanes, width, "__shfl_xor_sync", site);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, AERIE_SIM_SITE) {
    return aerie::sim::ballot(mask, predicate, "__ballot_sync", site);
}
inline int __any_sync(unsigned mask, int predicate, AERIE_SIM_SITE) {
    return aerie::sim::ballot(mask, predicate, "__any_sync", site) != 0;
}
inline int __all_sync(unsigned mask, int predicate, AERIE_SIM_SITE) {
    return aerie::sim::ballot(mask, predicate, "__all_sync", site) == mask;
}
template <class T>
unsigned __match_any_sync(unsigned mask, T value, AERIE_SIM_SITE) {
    static_assert(std::is_integral_v<T>);
    return aerie::sim::match_any(mask, uint64_t(value), site);
}
