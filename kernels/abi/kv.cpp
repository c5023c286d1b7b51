// aerie_kv_* of aerie.h.
#include "abi/context.h"
#include "core/formats.h"

using namespace aerie;

int32_t aerie_kv_create(uint32_t handle, uint32_t* out, uint32_t num_layers, uint32_t num_pages, uint32_t page_size,
                        uint32_t num_kv_heads, uint32_t head_dim, int32_t dtype) {
    return guard(handle, [&](Context& context) {
        if (page_size % 16 || !page_size || page_size > 4096)
            fail(AERIE_BAD_SHAPE, "kv_create: page_size is %u, expected a multiple of 16", page_size);
        if (head_dim % 16 || !head_dim || head_dim > 512)
            fail(AERIE_UNSUPPORTED, "kv_create: head_dim is %u, expected a multiple of 16 up to 512", head_dim);
        if (dtype < AERIE_F32 || dtype > AERIE_BF16) fail(AERIE_UNSUPPORTED, "kv_create: dtype is %d", dtype);
        if (!num_layers || !num_pages || !num_kv_heads || num_layers > 4096 || num_kv_heads > 4096 ||
            uint64_t(num_pages) * page_size > INT32_MAX)
            fail(AERIE_BAD_SHAPE, "kv_create: %u layers, %u pages of %u, %u heads", num_layers, num_pages, page_size,
                 num_kv_heads);
        auto kv = std::make_shared<KvPool>();
        kv->num_layers = num_layers;
        kv->num_pages = num_pages;
        kv->page_size = page_size;
        kv->num_kv_heads = num_kv_heads;
        kv->head_dim = head_dim;
        kv->dtype = aerie_dtype(dtype);
        // At most 2^48 by the limits above; times the number of pages the product may overflow 64 bits.
        const uint64_t page_bytes =
            uint64_t(2) * num_layers * page_size * num_kv_heads * head_dim * dtype_bytes(kv->dtype);
        uint64_t bytes;
        if (__builtin_mul_overflow(page_bytes, uint64_t(num_pages), &bytes))
            fail(AERIE_OUT_OF_MEMORY, "kv_create: %u pages of %llu bytes", num_pages, (unsigned long long)page_bytes);
        kv->buffer = context.backend->allocate(bytes);
        *out = context.objects.add(std::move(kv));
    });
}

int32_t aerie_kv_copy(uint32_t handle, uint32_t kv_handle, const int32_t* from, const int32_t* to, uint32_t num_slots) {
    return guard(handle, [&](Context& context) {
        KvPool& kv = context.use<KvPool>(kv_handle, "kv_copy", "kv");
        check_copies(context, "kv_copy", from, to, num_slots, uint64_t(kv.num_pages) * kv.page_size);
        context.backend->copy_slots(kv, from, to, num_slots);
    });
}

int32_t aerie_kv_release(uint32_t handle, uint32_t kv) {
    return guard<CleanupCall>(handle, [&](Context& context) { context.release<KvPool>(kv, "kv_release"); });
}
