// What -fsanitize=thread makes of the host's own atomics beside kernels, such as those of static variables: the
// atomics as they are.
#include <cstdint>

#define AERIE_SIM_ATOMICS(type, bits)                                                                              \
    type __tsan_atomic##bits##_load(const type* at, int) { return __atomic_load_n(at, __ATOMIC_SEQ_CST); }         \
    void __tsan_atomic##bits##_store(type* at, type value, int) { __atomic_store_n(at, value, __ATOMIC_SEQ_CST); } \
    type __tsan_atomic##bits##_exchange(type* at, type value, int) {                                               \
        return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);                                                   \
    }                                                                                                              \
    type __tsan_atomic##bits##_fetch_add(type* at, type value, int) {                                              \
        return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);                                                    \
    }                                                                                                              \
    type __tsan_atomic##bits##_fetch_sub(type* at, type value, int) {                                              \
        return __atomic_fetch_sub(at, value, __ATOMIC_SEQ_CST);                                                    \
    }                                                                                                              \
    type __tsan_atomic##bits##_fetch_and(type* at, type value, int) {                                              \
        return __atomic_fetch_and(at, value, __ATOMIC_SEQ_CST);                                                    \
    }                                                                                                              \
    type __tsan_atomic##bits##_fetch_or(type* at, type value, int) {                                               \
        return __atomic_fetch_or(at, value, __ATOMIC_SEQ_CST);                                                     \
    }                                                                                                              \
    bool __tsan_atomic##bits##_compare_exchange_strong(type* at, type* expected, type value, int, int) {           \
        return __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
    }                                                                                                              \
    bool __tsan_atomic##bits##_compare_exchange_weak(type* at, type* expected, type value, int, int) {             \
        return __atomic_compare_exchange_n(at, expected, value, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);         \
    }

extern "C" {

AERIE_SIM_ATOMICS(uint8_t, 8)
AERIE_SIM_ATOMICS(uint16_t, 16)
AERIE_SIM_ATOMICS(uint32_t, 32)
AERIE_SIM_ATOMICS(uint64_t, 64)
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

}  // extern "C"
