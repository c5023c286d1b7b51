// Stores the keys and values of a forward's rows into the pool; with angles, rotates queries and keys first (rope).
#include "cuda/device/kv_cache.h"

#include "cuda/device/numbers.h"
#include "cuda/device/op_rows.h"
#include "cuda/device/rotation.h"
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

// As rope and then kv_store: a thread has two numbers of a head of qkv, which it turns or, behind the first `width`,
// leaves as they are.
template <class T>
__global__ void __launch_bounds__(kColumnThreads)
    rotate_and_store(T* pool, float* qkv, const float* angles, OpRows rows, uint32_t stride, uint32_t num_heads,
                     KvLayout layout, uint32_t layer, uint32_t width) {
    const uint32_t row = blockIdx.x, dim = layout.head_dim, head = column_of_thread() / (dim / 2);
    const uint32_t pair_index = column_of_thread() % (dim / 2), num_keys = layout.num_kv_heads;
    if (row >= rows.count() || head >= num_heads + 2 * num_keys) return;
    const bool turns = pair_index < width / 2;
    const uint32_t half = (turns ? width : dim - width) / 2, i = turns ? pair_index : pair_index + width / 2;
    qkv += size_t(row) * stride + head * dim + i;
    float2 pair = make_float2(qkv[0], qkv[half]);
    const bool is_value = head >= num_heads + num_keys;
    if (!is_value && turns) {
        pair = rotated(pair, angles + size_t(row) * width, i, half);
        qkv[0] = pair.x;
        qkv[half] = pair.y;
    }
    if (head < num_heads) return;
    const auto slot = uint32_t(arrays_in(rows.block).slots[row]);
    pool += layout.key(layer, slot, (head - num_heads) % num_keys) + (is_value ? layout.values() : 0) + i;
    pool[0] = narrow<T>(pair.x);
    pool[half] = narrow<T>(pair.y);
}

}  // namespace

void kv_store(const Op& op, const Launch& on) {
    const OpRows rows = rows_of(op, *op.x, on);
    if (!rows.most) return;
    const KvLayout layout = layout_of(*op.kv);
    const auto run = [&]<class T>(T) {
        if (op.angles)
            return launch(rotate_and_store<T>, {row_grid(rows.most, op.x->cols / 2), kColumnThreads}, on.stream,
                          static_cast<T*>(op.kv->buffer.address), floats(*op.out, on), floats(*op.angles, on), rows,
                          op.x->cols, op.num_heads, layout, op.layer, op.angles->cols);
        return launch(store_keys_and_values<T>,
                      {row_grid(rows.most, 2 * layout.num_kv_heads * layout.head_dim), kColumnThreads}, on.stream,
                      static_cast<T*>(op.kv->buffer.address), floats(*op.x, on) + op.num_heads * layout.head_dim, rows,
                      op.x->cols, layout, op.layer);
    };
    expect_success(with_type(op.kv->dtype, run), "kv_store");
}

}  // namespace aerie::cuda
