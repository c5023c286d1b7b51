// Stores the keys and values of a forward's rows into the pool.
#include "cuda/device/kv_cache.h"

#include "cuda/device/numbers.h"
#include "cuda/device/op_rows.h"
#include "cuda/launch.h"

namespace aerie::cuda {
namespace {

// qkv: of the first KV head's key on; its rows are `stride` apart.
template <class T>
__global__ void __launch_bounds__(kColumnThreads)
    store_keys_and_values(T* pool, const float* qkv, OpRows rows, uint32_t stride, KvLayout layout, uint32_t layer) {
    const uint32_t row = blockIdx.x, col = column_of_thread(), dim = layout.head_dim, keys = layout.num_kv_heads * dim;
    if (row >= rows.count() || col >= 2 * keys) return;
    const bool is_value = col >= keys;
    const uint32_t at = is_value ? col - keys : col;
    const auto slot = uint32_t(arrays_in(rows.block).slots[row]);
    pool[layout.key(layer, slot, at / dim) + (is_value ? layout.values() : 0) + at % dim] =
        narrow<T>(qkv[size_t(row) * stride + col]);
}

}  // namespace

void kv_store(const Op& op, const Launch& on) {
    const OpRows rows = rows_of(op, *op.x, on);
    if (!rows.most) return;
    const KvLayout layout = layout_of(*op.kv);
    const auto run = [&]<class T>(T) {
        return launch(store_keys_and_values<T>,
                      {row_grid(rows.most, 2 * layout.num_kv_heads * layout.head_dim), kColumnThreads}, on.stream,
                      static_cast<T*>(op.kv->buffer.address), floats(*op.x, on) + op.num_heads * layout.head_dim, rows,
                      op.x->cols, layout, op.layer);
    };
    expect_success(with_type(op.kv->dtype, run), "kv_store");
}

}  // namespace aerie::cuda
