// Memory of products' inputs; see QuantizedBuffer.
#include "cpu/ops.h"

namespace aerie::cpu {

void QuantizedBuffer::reserve(size_t rows, size_t cols) {
    const size_t blocks = cols / kBlock, stride = (rows + 15) / 16 * 16;
    const size_t bytes = blocks * (rows * kBlock + 3 * stride * sizeof(float)) + 64;
    if (bytes > memory.bytes()) memory = Memory(bytes);
}

void QuantizedBuffer::reserve_bf16x2(size_t rows, size_t cols) {
    // Tiles are read whole, whatever rows there are.
    const size_t bytes = (rows + 16) * 2 * whole_blocks(uint32_t(cols)) * sizeof(uint16_t);
    if (bytes > bf16x2.bytes()) bf16x2 = Memory(bytes);
}

void QuantizedBuffer::reserve_floats(size_t rows, size_t cols) {
    const size_t bytes = rows * cols * sizeof(float);
    if (bytes > floats.bytes()) floats = Memory(bytes);
}

QuantizedRows QuantizedBuffer::layout(uint32_t rows, uint32_t cols) const {
    const size_t blocks = cols / kBlock;
    const uint32_t stride = rows <= kMaxRowsQuantizedPerThread ? rows : (rows + 15) / 16 * 16;
    uint8_t* at = memory.data();
    float* numbers = reinterpret_cast<float*>(at + (blocks * rows * kBlock + 63) / 64 * 64);
    return {rows,
            stride,
            reinterpret_cast<int8_t*>(at),
            numbers,
            numbers + blocks * stride,
            reinterpret_cast<int32_t*>(numbers + 2 * blocks * stride)};
}

}  // namespace aerie::cpu
