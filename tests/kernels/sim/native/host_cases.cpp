// Memory, streams, events, errors and counters of the runtime.
#include <algorithm>
#include <cstring>

#include "buffers.h"
#include "sim/report.h"
#include "streams.h"

namespace {

constexpr int kCount = 1000;
constexpr size_t kBytes = kCount * sizeof(int);

struct Stream {
    Stream() { OK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking)); }
    cudaStream_t stream = nullptr;
};

int* pinned(size_t count) {
    int* values = nullptr;
    OK(cudaMallocHost(&values, count * sizeof(int)));
    return values;
}

}  // namespace

CASE(copies_and_kernels_of_a_stream_are_ordered) {
    const Stream compute;
    const Device<int> values(kCount);
    int *in = pinned(kCount), *out = pinned(kCount);
    for (int i = 0; i < kCount; ++i) in[i] = i;
    OK(cudaMemcpyAsync(values.data, in, kBytes, cudaMemcpyHostToDevice, compute.stream));
    for (int i = 0; i < 3; ++i) OK(launch_change(values.data, kCount, 2, 1, compute.stream));
    OK(cudaMemcpyAsync(out, values.data, kBytes, cudaMemcpyDeviceToHost, compute.stream));
    OK(cudaMemsetAsync(values.data, 0, kBytes, compute.stream));
    OK(cudaStreamSynchronize(compute.stream));
    for (int i = 0; i < kCount; ++i) EXPECT(out[i] == i * 8 + 7);
    EXPECT(values.read() == std::vector<int>(kCount));
}

CASE(events_order_streams) {
    const Stream compute, copy;
    const Device<int> values(kCount);
    int *in = pinned(kCount), *out = pinned(kCount);
    cudaEvent_t arrived, done;
    OK(cudaEventCreateWithFlags(&arrived, cudaEventDisableTiming));
    OK(cudaEventCreate(&done));
    // An event without work is done.
    OK(cudaEventSynchronize(done));
    for (int round = 0; round < 4; ++round) {
        for (int i = 0; i < kCount; ++i) in[i] = round;
        OK(cudaMemcpyAsync(values.data, in, kBytes, cudaMemcpyHostToDevice, copy.stream));
        OK(cudaEventRecord(arrived, copy.stream));
        OK(cudaStreamWaitEvent(compute.stream, arrived));
        OK(launch_change(values.data, kCount, 10, 3, compute.stream));
        OK(cudaEventRecord(done, compute.stream));
        OK(cudaStreamWaitEvent(copy.stream, done));
        OK(cudaMemcpyAsync(out, values.data, kBytes, cudaMemcpyDeviceToHost, copy.stream));
        OK(cudaStreamSynchronize(copy.stream));
        EXPECT(std::all_of(out, out + kCount, [&](int value) { return value == round * 10 + 3; }));
    }
    OK(cudaEventDestroy(arrived));
    OK(cudaEventDestroy(done));
    OK(cudaStreamDestroy(copy.stream));
    EXPECT(cudaStreamSynchronize(copy.stream) == cudaErrorInvalidResourceHandle);
}

CASE(work_is_late_and_polling_ends) {
    const Stream compute;
    const Device<int> values(std::vector<int>(kCount, 1));
    int* out = pinned(kCount);
    OK(launch_change(values.data, kCount, 1, 1, compute.stream));
    OK(cudaMemcpyAsync(out, values.data, kBytes, cudaMemcpyDeviceToHost, compute.stream));
    cudaEvent_t done;
    OK(cudaEventCreate(&done));
    OK(cudaEventRecord(done, compute.stream));
    int polls = 0;
    for (cudaError_t state; (state = cudaEventQuery(done)) != cudaSuccess; ++polls) EXPECT(state == cudaErrorNotReady);
    OK(cudaStreamQuery(compute.stream));
    EXPECT(out[kCount - 1] == 2);
    printf("polls %d\n", polls);
}

// The stream of calls that name none waits for blocking streams and they for it.
CASE(default_stream_is_ordered_with_blocking_ones) {
    cudaStream_t blocking;
    OK(cudaStreamCreate(&blocking));
    const Device<int> values(std::vector<int>(kCount, 1));
    OK(launch_change(values.data, kCount, 3, 0, blocking));
    OK(launch_change(values.data, kCount, 1, 2, nullptr));
    OK(launch_change(values.data, kCount, 2, 0, blocking));
    EXPECT(values.read() == std::vector<int>(kCount, 10));
}

// Memory that is not pinned may be used again when the call returns.
CASE(pageable_copies_are_staged) {
    const Stream compute;
    const Device<int> values(kCount);
    std::vector<int> in(kCount, 4), out(kCount);
    OK(cudaMemcpyAsync(values.data, in.data(), kBytes, cudaMemcpyHostToDevice, compute.stream));
    std::fill(in.begin(), in.end(), 9);
    OK(cudaMemcpyAsync(out.data(), values.data, kBytes, cudaMemcpyDeviceToHost, compute.stream));
    EXPECT(out == std::vector<int>(kCount, 4));
}

CASE(memory_is_counted_and_checked) {
    size_t before = 0, after = 0, total = 0;
    OK(cudaMemGetInfo(&before, &total));
    EXPECT(total == 1 << 20 && before == total);
    char *small = nullptr, *large = nullptr;
    OK(cudaMalloc(&small, 1000));
    EXPECT(reinterpret_cast<uintptr_t>(small) % 256 == 0);
    OK(cudaMemGetInfo(&after, &total));
    EXPECT(before - after == 1024);
    EXPECT(cudaMalloc(&large, 1 << 20) == cudaErrorMemoryAllocation);
    EXPECT(large == nullptr && cudaGetLastError() == cudaErrorMemoryAllocation);
    EXPECT(cudaMemset(small, 0, 1001) == cudaErrorInvalidValue);
    EXPECT(cudaMemcpy(small, small + 500, 501, cudaMemcpyDeviceToDevice) == cudaErrorInvalidValue);
    char host[8] = {};
    EXPECT(cudaMemcpy(host, small, 8, cudaMemcpyHostToDevice) == cudaErrorInvalidMemcpyDirection);
    EXPECT(cudaFree(small + 1) == cudaErrorInvalidValue);
    EXPECT(cudaFreeHost(small) == cudaErrorInvalidValue);
    OK(cudaFree(small));
    EXPECT(cudaFree(small) == cudaErrorInvalidValue);
    OK(cudaFree(nullptr));
    OK(cudaMemGetInfo(&after, &total));
    EXPECT(after == before);
}

CASE(device_properties) {
    cudaDeviceProp properties;
    OK(cudaGetDeviceProperties(&properties, 0));
    int count = 0, major = 0;
    OK(cudaGetDeviceCount(&count));
    OK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0));
    EXPECT(major == properties.major && properties.warpSize == 32);
    EXPECT(cudaSetDevice(count) == cudaErrorInvalidDevice);
    OK(cudaSetDevice(count - 1));
    printf("%d devices, %s, %d.%d, %zu bytes of shared memory\n", count, properties.name, properties.major,
           properties.minor, properties.sharedMemPerBlockOptin);
}

CASE(injected_errors) {
    // AERIE_SIM_FAIL=cudaMalloc:2=2,kernel:chan:2=214
    int *first = nullptr, *second = nullptr;
    OK(cudaMalloc(&first, kBytes));
    EXPECT(cudaMalloc(&second, kBytes) == cudaErrorMemoryAllocation);
    OK(cudaMalloc(&second, kBytes));
    OK(cudaMemset(first, 0, kBytes));
    OK(launch_change(first, kCount, 1, 1, nullptr));
    OK(cudaDeviceSynchronize());
    launch_change(first, kCount, 1, 1, nullptr);
    EXPECT(cudaDeviceSynchronize() == cudaErrorECCUncorrectable);
    // It stays.
    EXPECT(cudaMalloc(&first, kBytes) == cudaErrorECCUncorrectable);
    EXPECT(cudaGetLastError() == cudaErrorECCUncorrectable && cudaPeekAtLastError() == cudaErrorECCUncorrectable);
    EXPECT(strcmp(cudaGetErrorName(cudaErrorECCUncorrectable), "cudaErrorECCUncorrectable") == 0);
    const char* const text = cudaGetErrorString(cudaErrorECCUncorrectable);
    EXPECT(strcmp(text, "uncorrectable ECC error encountered in kernel change") == 0);
    aerie::sim::forget();
    EXPECT(strcmp(cudaGetErrorString(cudaErrorECCUncorrectable), "uncorrectable ECC error encountered") == 0);
    OK(cudaDeviceSynchronize());
    aerie::sim::inject("cudaStreamSynchronize", 1, cudaErrorUnknown);
    EXPECT(cudaStreamSynchronize(nullptr) == cudaErrorUnknown);
    OK(cudaStreamSynchronize(nullptr));
}

CASE(work_is_counted) {
    aerie::sim::forget();
    const Stream compute;
    const Device<int> values(kCount), sums(std::vector<int>(1)), count(std::vector<int>{kCount});
    int* in = pinned(kCount);
    std::fill(in, in + kCount, 2);
    OK(cudaMemcpyAsync(values.data, in, kBytes, cudaMemcpyHostToDevice, compute.stream));
    OK(launch_change(values.data, kCount, 1, 1, compute.stream));
    OK(launch_sum(values.data, count.data, sums.data, compute.stream));
    OK(cudaStreamSynchronize(compute.stream));
    EXPECT(sums.read()[0] == 3 * kCount);
    size_t bytes = aerie_sim_report(nullptr, 0);
    std::vector<char> text(bytes);
    EXPECT(aerie_sim_report(text.data(), bytes) == bytes);
    puts(text.data());
}

// Results of one launch after another land in one place, and go back to the device, before the host looks.
CASE(targets_are_used_again_before_the_host_looks) {
    const Stream compute;
    const Device<int> values(std::vector<int>(kCount, 1)), copied(kCount);
    int* out = pinned(kCount);
    for (int round = 0; round < 3; ++round) {
        OK(launch_change(values.data, kCount, 2, 0, compute.stream));
        OK(cudaMemcpyAsync(out, values.data, kBytes, cudaMemcpyDeviceToHost, compute.stream));
        OK(cudaMemcpyAsync(copied.data, out, kBytes, cudaMemcpyHostToDevice, compute.stream));
    }
    OK(cudaStreamSynchronize(compute.stream));
    EXPECT(out[0] == 8 && out[kCount - 1] == 8);
    out[0] = 5;
    EXPECT(copied.read() == std::vector<int>(kCount, 8));
}

// A source that a later copy fills is read as it was.
CASE(source_becomes_a_target) {
    const Stream compute;
    const Device<int> values(kCount), others(std::vector<int>(kCount, 7));
    int* both = pinned(kCount);
    std::fill(both, both + kCount, 3);
    OK(cudaMemcpyAsync(values.data, both, kBytes, cudaMemcpyHostToDevice, compute.stream));
    OK(cudaMemcpyAsync(both, others.data, kBytes, cudaMemcpyDeviceToHost, compute.stream));
    OK(cudaStreamSynchronize(compute.stream));
    EXPECT(both[0] == 7);
    EXPECT(values.read() == std::vector<int>(kCount, 3));
}
