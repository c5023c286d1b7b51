// Copies keys and values between slots: the accepted path of a draft tree closes up behind its sequence.
#include <cstring>

#include "cpu/kv_cache.h"

namespace aerie::cpu {
namespace {

template <class T>
void copy(KvPool& kv, uint32_t layer, uint32_t head, const int32_t* from, const int32_t* to, uint32_t num_slots) {
    const size_t dim = kv.head_dim;
    T* const pool = numbers<T>(kv);
    const auto key = [&](uint32_t slot) { return pool + key_offset(kv, layer, slot, head); };
    const auto value = [&](uint32_t slot) { return pool + value_offset(kv, layer, slot, head); };
    for (uint32_t i = 0; i < num_slots; ++i) {
        const T* source = key(uint32_t(from[i]));
        T* target = key(uint32_t(to[i]));
        for (size_t d = 0; d < dim; ++d) target[d * 16] = source[d * 16];
        memmove(value(uint32_t(to[i])), value(uint32_t(from[i])), dim * sizeof(T));
    }
}

}  // namespace

void copy_kv(KvPool& kv, uint32_t layer_and_head, const int32_t* from, const int32_t* to, uint32_t num_slots) {
    const uint32_t layer = layer_and_head / kv.num_kv_heads, head = layer_and_head % kv.num_kv_heads;
    if (kv.dtype == AERIE_F32)
        copy<float>(kv, layer, head, from, to, num_slots);
    else
        copy<uint16_t>(kv, layer, head, from, to, num_slots);
}

}  // namespace aerie::cpu
