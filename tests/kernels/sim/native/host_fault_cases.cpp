// Faults of the host: of its copies, its pointers, its order of work.
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "buffers.h"
#include "sim/report.h"
#include "streams.h"

namespace {

constexpr int kCount = 1000;
constexpr size_t kBytes = kCount * sizeof(int);

int* pinned(size_t count) {
    int* values = nullptr;
    OK(cudaMallocHost(&values, count * sizeof(int)));
    memset(values, 0, count * sizeof(int));
    return values;
}

cudaStream_t stream() {
    cudaStream_t made;
    OK(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking));
    return made;
}

}  // namespace

// Two blocks of staging are used by turns; each is written to again once its copy is known to have run.
CASE(staging_used_by_turns) {
    const cudaStream_t copy = stream();
    const Device<int> values(2 * kCount);
    int* const staging = pinned(2 * kCount);
    cudaEvent_t copied[2];
    for (cudaEvent_t& event : copied) OK(cudaEventCreate(&event));
    for (int round = 0; round < 6; ++round) {
        const int turn = round % 2;
        OK(cudaEventSynchronize(copied[turn]));
        staging[turn * kCount] = round;
        OK(cudaMemcpyAsync(values.data + turn * kCount, staging + turn * kCount, kBytes, cudaMemcpyHostToDevice, copy));
        OK(cudaEventRecord(copied[turn], copy));
    }
    OK(cudaDeviceSynchronize());
    EXPECT(values.read()[0] == 4 && values.read()[kCount] == 5);
}

CASE(staging_rewritten) {
    const cudaStream_t copy = stream();
    const Device<int> values(kCount);
    int* const staging = pinned(kCount);
    OK(cudaMemcpyAsync(values.data, staging, kBytes, cudaMemcpyHostToDevice, copy));
    staging[7] = 1;
    printf("error %d\n", int(cudaStreamSynchronize(copy)));
}

// The copy has run, but the host does not know it.
CASE(staging_rewritten_after_its_copy) {
    const cudaStream_t copy = stream();
    const Device<int> values(kCount);
    int* const staging = pinned(kCount);
    OK(cudaMemcpyAsync(values.data, staging, kBytes, cudaMemcpyHostToDevice, copy));
    cudaEvent_t copied;
    OK(cudaEventCreate(&copied));
    OK(cudaEventRecord(copied, copy));
    const cudaStream_t compute = stream();
    OK(cudaStreamWaitEvent(compute, copied));
    OK(launch_change(values.data, kCount, 1, 1, compute));
    staging[7] = 1;
    printf("error %d\n", int(cudaStreamSynchronize(compute)));
}

CASE(result_used_too_early) {
    const cudaStream_t compute = stream();
    const Device<int> values(std::vector<int>(kCount, 1));
    int* const out = pinned(2 * kCount);
    OK(cudaMemcpyAsync(out, values.data, kBytes, cudaMemcpyDeviceToHost, compute));
    // Memory beside the target is free to use.
    out[kCount] = 5;
    OK(cudaStreamSynchronize(compute));
    EXPECT(out[0] == 1 && out[kCount] == 5);
    OK(cudaMemcpyAsync(out, values.data, kBytes, cudaMemcpyDeviceToHost, compute));
    printf("%d\n", out[kCount - 1]);
}

// As in a thread of Deno's, where signals have a stack of their own that is as small as it may be.
CASE(result_used_too_early_with_a_small_stack_for_signals) {
    constexpr size_t kRoom = 64 << 10;
    const size_t bytes = std::max<size_t>(8192, getauxval(AT_MINSIGSTKSZ));
    auto* const memory =
        static_cast<char*>(mmap(nullptr, 2 * kRoom, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT(memory != MAP_FAILED && mprotect(memory + kRoom, kRoom, PROT_READ | PROT_WRITE) == 0);
    const stack_t stack = {.ss_sp = memory + kRoom, .ss_flags = 0, .ss_size = bytes};
    EXPECT(sigaltstack(&stack, nullptr) == 0);
    const cudaStream_t compute = stream();
    const Device<int> values(std::vector<int>(kCount, 1));
    int* const out = pinned(kCount);
    OK(cudaMemcpyAsync(out, values.data, kBytes, cudaMemcpyDeviceToHost, compute));
    printf("%d\n", out[3]);
}

// Waiting for work before the copy is not waiting for the copy.
CASE(result_used_after_another_wait) {
    const cudaStream_t compute = stream();
    const Device<int> values(std::vector<int>(kCount, 1));
    int* const out = pinned(kCount);
    cudaEvent_t event;
    OK(cudaEventCreate(&event));
    OK(launch_change(values.data, kCount, 2, 0, compute));
    OK(cudaEventRecord(event, compute));
    OK(cudaMemcpyAsync(out, values.data, kBytes, cudaMemcpyDeviceToHost, compute));
    OK(cudaEventSynchronize(event));
    printf("%d\n", out[0]);
}

CASE(device_memory_read_by_the_host) {
    const Device<int> values(std::vector<int>(kCount, 1));
    EXPECT(values.read()[3] == 1);
    printf("%d\n", values.data[3]);
}

CASE(copy_beside_a_kernel) {
    const cudaStream_t compute = stream(), copy = stream();
    const Device<int> values(std::vector<int>(kCount, 1));
    int* const staging = pinned(kCount);
    cudaEvent_t changed;
    OK(cudaEventCreate(&changed));
    OK(launch_change(values.data, kCount, 2, 0, compute));
    OK(cudaEventRecord(changed, compute));
    OK(cudaStreamWaitEvent(copy, changed));
    OK(cudaMemcpyAsync(values.data, staging, kBytes, cudaMemcpyHostToDevice, copy));
    OK(cudaDeviceSynchronize());
    // The same again without the event.
    launch_change(values.data, kCount, 2, 0, compute);
    cudaMemcpyAsync(values.data, staging, kBytes, cudaMemcpyHostToDevice, copy);
    printf("error %d\n", int(cudaDeviceSynchronize()));
}

CASE(kernels_beside_each_other) {
    const cudaStream_t one = stream(), two = stream();
    const Device<int> values(std::vector<int>(kCount, 1)), others(std::vector<int>(kCount, 1));
    OK(launch_change(values.data, kCount, 2, 0, one));
    OK(launch_change(others.data, kCount, 2, 0, two));
    OK(cudaDeviceSynchronize());
    launch_change(values.data, kCount, 2, 0, one);
    launch_change(values.data, kCount / 2, 3, 0, two);
    printf("error %d\n", int(cudaDeviceSynchronize()));
}
