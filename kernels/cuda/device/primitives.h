// The instructions of a GPU that C++ has no word for, one function each: PTX for nvcc, and for other compilers the
// simulator's model of it, which their cuda_runtime.h declares. No other file has PTX.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

#ifdef __CUDACC__
#define AERIE_PRIMITIVE __device__ __forceinline__
// nvcc knows no places of callers.
#define AERIE_CALLER
#else
#define AERIE_PRIMITIVE inline
#define AERIE_CALLER , AERIE_SIM_SITE
#endif

namespace aerie::cuda {

#ifdef __CUDACC__
AERIE_PRIMITIVE uint32_t shared_address(const void* shared) { return uint32_t(__cvta_generic_to_shared(shared)); }
#endif

// The block's dynamic shared memory, aligned to 1024 bytes.
template <class T>
AERIE_PRIMITIVE T* dynamic_shared() {
#ifdef __CUDACC__
    extern __shared__ __align__(1024) unsigned char aerie_dynamic_shared[];
    return reinterpret_cast<T*>(aerie_dynamic_shared);
#else
    return static_cast<T*>(sim::dynamic_shared_memory());
#endif
}

// acc += a * b for a 16 x 16 tile a and a 16 x 8 tile b of bf16, in the fragments of mma.m16n8k16: with g = lane / 4
// and t = lane % 4, a holds pairs at (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8); b pairs down column g at rows
// 2t and 2t + 8; acc pairs at (g, 2t) and (g + 8, 2t). Called by all 32 lanes.
AERIE_PRIMITIVE void mma_bf16(float (&acc)[4], const uint32_t (&a)[4], const uint32_t (&b)[2] AERIE_CALLER) {
#ifdef __CUDACC__
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
        : "+f"(acc[0]), "+f"(acc[1]), "+f"(acc[2]), "+f"(acc[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    sim::mma_m16n8k16(sim::Half::bf16, acc, a, b, site);
#endif
}

// As mma_bf16, of f16.
AERIE_PRIMITIVE void mma_f16(float (&acc)[4], const uint32_t (&a)[4], const uint32_t (&b)[2] AERIE_CALLER) {
#ifdef __CUDACC__
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
        : "+f"(acc[0]), "+f"(acc[1]), "+f"(acc[2]), "+f"(acc[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    sim::mma_m16n8k16(sim::Half::f16, acc, a, b, site);
#endif
}

// Loads four 8 x 8 matrices of 16-bit numbers from shared memory: lane i points to row i % 8 of matrix i / 8, 16 bytes
// aligned to 16; registers[m] gets the pair at (lane / 4, 2 (lane % 4)) of matrix m. Called by all 32 lanes.
AERIE_PRIMITIVE void load_matrices(uint32_t (&registers)[4], const void* row AERIE_CALLER) {
#ifdef __CUDACC__
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
                 : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
                 : "r"(shared_address(row))
                 : "memory");
#else
    sim::load_matrices(4, false, registers, row, site);
#endif
}

// As load_matrices, each matrix transposed.
AERIE_PRIMITIVE void load_matrices_transposed(uint32_t (&registers)[4], const void* row AERIE_CALLER) {
#ifdef __CUDACC__
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];\n"
                 : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
                 : "r"(shared_address(row))
                 : "memory");
#else
    sim::load_matrices(4, true, registers, row, site);
#endif
}

// Two matrices, whose rows lanes 0..15 point to.
AERIE_PRIMITIVE void load_matrices(uint32_t (&registers)[2], const void* row AERIE_CALLER) {
#ifdef __CUDACC__
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];\n"
                 : "=r"(registers[0]), "=r"(registers[1])
                 : "r"(shared_address(row))
                 : "memory");
#else
    sim::load_matrices(2, false, registers, row, site);
#endif
}

AERIE_PRIMITIVE void load_matrices_transposed(uint32_t (&registers)[2], const void* row AERIE_CALLER) {
#ifdef __CUDACC__
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];\n"
                 : "=r"(registers[0]), "=r"(registers[1])
                 : "r"(shared_address(row))
                 : "memory");
#else
    sim::load_matrices(2, true, registers, row, site);
#endif
}

// Begins to copy 16 bytes from global to shared memory, both aligned to 16, past the L1 cache. They arrive when the
// calling thread has waited for their group; other threads see them after a barrier behind that.
AERIE_PRIMITIVE void copy_async(void* shared, const void* global AERIE_CALLER) {
#ifdef __CUDACC__
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;\n" ::"r"(shared_address(shared)), "l"(global) : "memory");
#else
    sim::copy_async(shared, global, 16, 16, site);
#endif
}

// As copy_async, of which the source has only `bytes`, 0..16; the rest is zeros.
AERIE_PRIMITIVE void copy_async(void* shared, const void* global, int bytes AERIE_CALLER) {
#ifdef __CUDACC__
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared_address(shared)), "l"(global),
                 "r"(bytes)
                 : "memory");
#else
    sim::copy_async(shared, global, 16, bytes, site);
#endif
}

// Makes a group of the copies that the calling thread began since the last one.
AERIE_PRIMITIVE void commit_copies() {
#ifdef __CUDACC__
    asm volatile("cp.async.commit_group;\n" ::: "memory");
#else
    sim::commit_copies();
#endif
}

// Waits until all groups of the calling thread but the last kPending have arrived.
template <int kPending>
AERIE_PRIMITIVE void wait_copies() {
#ifdef __CUDACC__
    asm volatile("cp.async.wait_group %0;\n" ::"n"(kPending) : "memory");
#else
    sim::wait_copies(kPending);
#endif
}

// Rounded to nearest, ties to even; NaN becomes 0x7fff.
AERIE_PRIMITIVE uint16_t to_bf16(float value) {
#ifdef __CUDACC__
    uint16_t bits;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
#else
    return sim::to_half(sim::Half::bf16, value);
#endif
}

AERIE_PRIMITIVE uint16_t to_f16(float value) {
#ifdef __CUDACC__
    uint16_t bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
#else
    return sim::to_half(sim::Half::f16, value);
#endif
}

AERIE_PRIMITIVE float from_bf16(uint16_t bits) { return __uint_as_float(uint32_t(bits) << 16); }

AERIE_PRIMITIVE float from_f16(uint16_t bits) {
#ifdef __CUDACC__
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
#else
    return sim::from_half(sim::Half::f16, bits);
#endif
}

}  // namespace aerie::cuda
