// What attention needs of the backend.
#pragma once
#include <cstddef>
#include <cstdint>

namespace aerie::cuda {

// Bytes of Launch.scratch with which so many rows of sequences of up to `most_keys` keys attend to all chunks of their
// keys, or of those in a window, at the same time. With less, a batch that does not fit takes them one after another,
// to the same bits.
size_t attention_scratch_bytes(uint32_t num_rows, uint32_t num_heads, uint32_t head_dim, uint32_t most_keys,
                               uint32_t window);

}  // namespace aerie::cuda
