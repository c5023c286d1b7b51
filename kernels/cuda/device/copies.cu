// Copies one after another: the accepted path of a draft tree closes up behind its sequence. A thread copies the same
// few bytes of every row, so that the rows' order is its own.
#include "cuda/copies.h"

#include "core/formats.h"
#include "cuda/device/kv_cache.h"
#include "cuda/launch.h"
#include "cuda/op.h"

namespace aerie::cuda {
namespace {

constexpr uint32_t kThreads = 128;

// Copies the word at row from[i] over that at row to[i]; at(row) is its address. A few are read before they are
// written; where one is to be read that is not written yet, it is at hand.
template <class Word, class At>
__device__ void copy_words(const int32_t* from, const int32_t* to, uint32_t count, At&& at) {
    constexpr uint32_t kTogether = 4;
    for (uint32_t i = 0; i < count; i += kTogether) {
        Word words[kTogether];
#pragma unroll
        for (uint32_t j = 0; j < kTogether; ++j) {
            if (i + j >= count) break;
            words[j] = *at(uint32_t(from[i + j]));
#pragma unroll
            for (uint32_t k = 0; k < j; ++k)
                if (to[i + k] == from[i + j]) words[j] = words[k];
        }
#pragma unroll
        for (uint32_t j = 0; j < kTogether; ++j)
            if (i + j < count) *at(uint32_t(to[i + j])) = words[j];
    }
}

// words_per_row: of all columns.
template <class Word>
__global__ void __launch_bounds__(kThreads)
    copy_tensor_rows(Word* tensor, const int32_t* from, const int32_t* to, uint32_t count, uint32_t words_per_row) {
    const uint32_t col = blockIdx.x * kThreads + threadIdx.x;
    if (col >= words_per_row) return;
    copy_words<Word>(from, to, count, [&](uint32_t row) { return tensor + size_t(row) * words_per_row + col; });
}

// layout: counts in words.
__global__ void __launch_bounds__(kThreads)
    copy_pool_slots(uint4* pool, const int32_t* from, const int32_t* to, uint32_t count, KvLayout layout) {
    const uint32_t word = blockIdx.x * kThreads + threadIdx.x, in_layer = 2 * layout.num_kv_heads * layout.head_dim;
    if (word >= in_layer) return;
    const uint32_t at = word % layout.head_dim, head = word / layout.head_dim;
    const bool is_value = head >= layout.num_kv_heads;
    pool += (is_value ? layout.values() : 0) + at;
    copy_words<uint4>(from, to, count, [&](uint32_t slot) {
        return pool + layout.key(blockIdx.y, slot, is_value ? head - layout.num_kv_heads : head);
    });
}

template <class Word>
cudaError_t copy_rows_as(const Tensor& tensor, size_t row_bytes, const int32_t* from, const int32_t* to, uint32_t count,
                         cudaStream_t stream) {
    const auto words = uint32_t(row_bytes / sizeof(Word));
    return launch(copy_tensor_rows<Word>, {(words + kThreads - 1) / kThreads, kThreads}, stream,
                  static_cast<Word*>(tensor.buffer.address), from, to, count, words);
}

}  // namespace

void copy_rows(const Tensor& tensor, const int32_t* from, const int32_t* to, uint32_t num_rows, cudaStream_t stream) {
    const size_t bytes = tensor.cols * dtype_bytes(tensor.dtype);
    if (!num_rows) return;
    expect_success(bytes % 16 == 0  ? copy_rows_as<uint4>(tensor, bytes, from, to, num_rows, stream)
                   : bytes % 4 == 0 ? copy_rows_as<uint32_t>(tensor, bytes, from, to, num_rows, stream)
                                    : copy_rows_as<uint16_t>(tensor, bytes, from, to, num_rows, stream),
                   "tensor_copy");
}

void copy_slots(const KvPool& kv, const int32_t* from, const int32_t* to, uint32_t num_slots, cudaStream_t stream) {
    if (!num_slots) return;
    KvLayout layout = layout_of(kv);
    layout.head_dim = uint32_t(layout.head_dim * dtype_bytes(kv.dtype) / sizeof(uint4));
    const uint32_t in_layer = 2 * layout.num_kv_heads * layout.head_dim;
    expect_success(launch(copy_pool_slots, {dim3((in_layer + kThreads - 1) / kThreads, kv.num_layers), kThreads},
                          stream, static_cast<uint4*>(kv.buffer.address), from, to, num_slots, layout),
                   "kv_copy");
}

}  // namespace aerie::cuda
