#include "tensor.h"

#include "cuda/device/primitives.h"
#include "cuda/launch.h"

using namespace aerie::cuda;

__device__ inline uint32_t pair(uint16_t low, uint16_t high) { return uint32_t(high) << 16 | low; }

template <bool kF16, bool kShared>
__global__ void tiles(const uint16_t* a, const uint16_t* b, const float* c, float* d) {
    const int lane = int(threadIdx.x), group = lane / 4, first = lane % 4 * 2;
    a += blockIdx.x * 256;
    b += blockIdx.x * 128;
    uint32_t fragment_a[4], fragment_b[2];
    if (kShared) {
        __shared__ __align__(16) uint16_t rows_a[16][16];
        __shared__ __align__(16) uint16_t rows_b[16][8];
        for (int i = lane; i < 32; i += 32) {
            copy_async(&rows_a[i / 2][i % 2 * 8], a + i * 8);
            if (i < 16) copy_async(&rows_b[i][0], b + i * 8, 16);
        }
        commit_copies();
        wait_copies<0>();
        __syncwarp();
        // Matrices: rows 0..7 and 8..15 of the left half, then of the right half.
        load_matrices(fragment_a, &rows_a[lane % 16][lane / 16 * 8]);
        load_matrices_transposed(fragment_b, &rows_b[lane % 16][0]);
    } else {
        for (int i = 0; i < 4; ++i) {
            const uint16_t* row = a + (group + i % 2 * 8) * 16 + first + i / 2 * 8;
            fragment_a[i] = pair(row[0], row[1]);
        }
        for (int i = 0; i < 2; ++i) {
            const uint16_t* top = b + (first + i * 8) * 8 + group;
            fragment_b[i] = pair(top[0], top[8]);
        }
    }
    float acc[4];
    const int place = int(blockIdx.x) * 128 + group * 8 + first;
    for (int i = 0; i < 4; ++i) acc[i] = c[place + i / 2 * 64 + i % 2];
    if (kF16) {
        mma_f16(acc, fragment_a, fragment_b);
    } else {
        mma_bf16(acc, fragment_a, fragment_b);
    }
    for (int i = 0; i < 4; ++i) d[place + i / 2 * 64 + i % 2] = acc[i];
}

__global__ void convert(const float* x, unsigned* out, float* back, int count) {
    const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= count) return;
    const uint16_t bf16 = to_bf16(x[i]), f16 = to_f16(x[i]);
    out[i] = pair(bf16, f16);
    back[i] = from_bf16(bf16) + from_f16(f16);
}

constexpr int kWarps = 4, kStages = 4;

// A warp has 16 outputs; a lane copies the 32 bytes of w that it needs of 32 k and reads back only its own.
__global__ void __launch_bounds__(kWarps * 32)
    product(const uint16_t* w, const uint16_t* x, float* out, int n, int k, int rows) {
    const int warp = int(threadIdx.x) / 32, lane = int(threadIdx.x) % 32, group = lane / 4, quad = lane % 4;
    const int col = (int(blockIdx.x) * kWarps + warp) * 16, num_tiles = k / 32;
    uint4* ring = dynamic_shared<uint4>() + warp * kStages * 64;
    const auto load = [&](int tile) {
        if (tile < num_tiles) {
            uint4* to = ring + tile % kStages * 64 + lane;
            const uint16_t* from = w + (col + group) * k + tile * 32 + quad * 8;
            copy_async(to, from);
            copy_async(to + 32, from + 8 * k);
        }
        commit_copies();
    };
    for (int i = 0; i < kStages - 1; ++i) load(i);
    float acc[4] = {0, 0, 0, 0};
    for (int tile = 0; tile < num_tiles; ++tile) {
        load(tile + kStages - 1);
        wait_copies<kStages - 1>();
        const uint4 low = ring[tile % kStages * 64 + lane], high = ring[tile % kStages * 64 + lane + 32];
        uint4 value = make_uint4(0, 0, 0, 0);
        if (group < rows) value = *reinterpret_cast<const uint4*>(x + group * k + tile * 32 + quad * 8);
        // Any order of k within 16 will do that w and x share.
        const uint32_t w0[4] = {low.x, high.x, low.y, high.y}, w1[4] = {low.z, high.z, low.w, high.w};
        const uint32_t x0[2] = {value.x, value.y}, x1[2] = {value.z, value.w};
        mma_bf16(acc, w0, x0);
        mma_bf16(acc, w1, x1);
    }
    wait_copies<0>();
    for (int i = 0; i < 4; ++i) {
        const int row = quad * 2 + i % 2;
        if (row < rows) out[row * n + col + group + i / 2 * 8] = acc[i];
    }
}

cudaError_t launch_tiles(bool is_f16, bool through_shared, int count, const uint16_t* a, const uint16_t* b,
                         const float* c, float* d, cudaStream_t stream) {
    const auto kernel = is_f16 ? (through_shared ? tiles<true, true> : tiles<true, false>)
                               : (through_shared ? tiles<false, true> : tiles<false, false>);
    return launch(kernel, {unsigned(count), 32}, stream, a, b, c, d);
}
cudaError_t launch_convert(const float* x, unsigned* out, float* back, int count, cudaStream_t stream) {
    return launch(convert, {unsigned(count + 63) / 64, 64}, stream, x, out, back, count);
}
cudaError_t launch_product(const uint16_t* w, const uint16_t* x, float* out, int n, int k, int rows,
                           cudaStream_t stream) {
    const Shape shape = {unsigned(n / 64), kWarps * 32, kWarps * kStages * 64 * sizeof(uint4)};
    return launch(product, shape, stream, w, x, out, n, k, rows);
}
