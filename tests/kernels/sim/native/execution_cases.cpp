#include "execution.h"

#include <algorithm>

#include "buffers.h"

CASE(every_thread_knows_its_place) {
    for (const auto& [grid, block] : {std::pair(dim3(3), dim3(40)), std::pair(dim3(2, 3, 2), dim3(5, 3, 7)),
                                      std::pair(dim3(1), dim3(1024)), std::pair(dim3(300), dim3(1))}) {
        const size_t count = size_t(grid.x) * grid.y * grid.z * block.x * block.y * block.z;
        Device<int> out(count);
        OK(launch_indices(grid, block, out.data, nullptr));
        EXPECT(out.read() == ascending(count));
    }
}

CASE(blocks_sum_through_shared_memory_and_shuffles) {
    for (const int threads : {32, 96, 1024}) {
        const Device<int> x(ascending(10000));
        const Device<int> out(7);
        OK(launch_block_sum(7, threads, x.data, out.data, 10000, nullptr));
        int sum = 0;
        for (const int part : out.read()) sum += part;
        EXPECT(sum == 9999 * 10000 / 2);
    }
}

CASE(tiles_are_transposed) {
    for (const int n : {1, 8, 19}) {
        std::vector<float> x(size_t(n * n));
        for (size_t i = 0; i < x.size(); ++i) x[i] = float(i);
        const Device<float> in(x), out(x.size());
        OK(launch_transpose(in.data, out.data, n, nullptr));
        const std::vector<float> result = out.read();
        for (int row = 0; row < n; ++row) {
            for (int col = 0; col < n; ++col) EXPECT(result[size_t(col * n + row)] == x[size_t(row * n + col)]);
        }
    }
}

CASE(dynamic_shared_memory_is_reversed) {
    for (const int count : {1, 33, 256}) {
        const Device<int> x(ascending(size_t(count)));
        const Device<int> out(x.count);
        OK(launch_reverse(x.data, out.data, count, nullptr));
        const std::vector<int> result = out.read();
        for (int i = 0; i < count; ++i) EXPECT(result[size_t(i)] == count - 1 - i + 1000 * (count / 2));
    }
}

CASE(lanes_exchange_values) {
    const Device<int> out(32 * 8);
    OK(launch_warp(out.data, nullptr));
    const std::vector<int> result = out.read();
    for (int lane = 0; lane < 32; ++lane) {
        const int* row = &result[size_t(lane * 8)];
        EXPECT(row[0] == 50);
        EXPECT(row[1] == (lane >= 3 ? lane - 3 : lane));
        EXPECT(row[2] == (lane % 8 < 5 ? lane + 3 : lane));
        EXPECT(row[3] == (lane ^ 4));
        EXPECT(row[4] == (lane >= 8 && lane < 24 ? lane ^ 1 : -1));
        EXPECT(row[5] == 31 * 16);
        EXPECT(row[6] == 0);
        EXPECT(row[7] == lane / 2 * 3);
    }
}

CASE(lanes_vote) {
    const Device<unsigned> out(32 * 4);
    OK(launch_votes(out.data, nullptr));
    const std::vector<unsigned> result = out.read();
    for (unsigned lane = 0; lane < 32; ++lane) {
        const unsigned* row = &result[lane * 4];
        EXPECT(row[0] == 0xaaaaaaaa);
        EXPECT(row[1] == 0xffu << (lane / 8 * 8));
        EXPECT(row[2] == 2);
        EXPECT(row[3] == 16 + (lane / 8 * 8 + 1) * 100 + (31 - lane) * 10000);
    }
}

CASE(atomics_lose_nothing) {
    const Device<unsigned> counts(std::vector<unsigned>(4));
    const Device<int> extremes(std::vector<int>(4));
    OK(launch_atomics(50, counts.data, extremes.data, nullptr));
    EXPECT(counts.read() == std::vector<unsigned>(4, 50 * 96 / 4));
    EXPECT((extremes.read() == std::vector<int>{50 * 96 - 1, -(50 * 96 - 1), 77, 5}));
}

// Prints the order in which threads came; with one thread of the host it is the schedule's.
CASE(order_of_threads) {
    const Device<int> next(std::vector<int>(1)), order(256);
    OK(launch_order(next.data, order.data, nullptr));
    std::vector<int> result = order.read();
    for (const int thread : result) printf("%d ", thread);
    puts("");
    std::sort(result.begin(), result.end());
    EXPECT(result == ascending(256));
}

CASE(bad_launches_are_refused) {
    const Device<int> out(1);
    EXPECT(launch_indices(dim3(1), dim3(1025), out.data, nullptr) == cudaErrorInvalidConfiguration);
    EXPECT(launch_indices(dim3(1, 65536), dim3(1), out.data, nullptr) == cudaErrorInvalidConfiguration);
    EXPECT(launch_indices(dim3(0), dim3(1), out.data, nullptr) == cudaErrorInvalidConfiguration);
    // More dynamic shared memory than was asked for.
    EXPECT(launch_reverse(out.data, out.data, 100000, nullptr) == cudaErrorInvalidConfiguration);
    EXPECT(cudaGetLastError() == cudaErrorInvalidConfiguration);
    EXPECT(cudaGetLastError() == cudaSuccess);
    OK(launch_indices(dim3(1), dim3(1), out.data, nullptr));
}
