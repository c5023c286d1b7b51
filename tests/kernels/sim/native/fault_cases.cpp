// Faults of kernels: each with the same kernel without the fault, of which nothing is found.
#include "buffers.h"
#include "faults.h"
#include "sim/report.h"

namespace {

// Runs what must do no harm, then what must be found; the program prints what was.
template <class Right, class Wrong>
void compare(Right right, Wrong wrong) {
    right();
    OK(cudaDeviceSynchronize());
    EXPECT(aerie::sim::findings().empty());
    // A schedule may run it at once, so that its own launch fails.
    wrong();
    printf("error %d\n", int(cudaDeviceSynchronize()));
}

using Launch = cudaError_t (*)(bool wrong, int* out);
void compare(Launch launch) {
    const Device<int> out(std::vector<int>(256));
    compare([&] { OK(launch(false, out.data)); }, [&] { launch(true, out.data); });
}

}  // namespace

CASE(early_exit) { compare(launch_early_exit); }
CASE(two_barriers) { compare(launch_two_barriers); }
CASE(barrier_in_branch) { compare(launch_barrier_in_branch); }
CASE(half_shuffle) { compare(launch_half_shuffle); }
CASE(outside_mask) { compare(launch_outside_mask); }
CASE(source_outside_mask) { compare(launch_source_outside_mask); }
CASE(active_mask) {
    const Device<int> out(64);
    compare([] {}, [&] { launch_active_mask(out.data); });
}
CASE(stack_overflow) { compare(launch_deep); }

CASE(race_in_shared_memory) { compare(launch_neighbour); }
CASE(race_of_rounds) { compare(launch_overwrite); }
CASE(race_in_a_warp) { compare(launch_lockstep); }
CASE(race_of_blocks) { compare(launch_blocks_share); }
CASE(race_with_an_atomic) { compare(launch_atomic_and_plain); }
CASE(race_in_global_memory) {
    const Device<unsigned short> out(64);
    compare([&] { OK(launch_half_words(false, out.data)); }, [&] { launch_half_words(true, out.data); });
}

CASE(unwritten_shared) { compare(launch_unwritten_shared); }
CASE(unwritten_global) {
    const Device<int> x(100);
    const Device<int> out(100);
    OK(cudaMemset(x.data, 0, 99 * sizeof(int)));
    compare([&] { OK(launch_copy(x.data, out.data, 99)); }, [&] { launch_copy(x.data, out.data, 100); });
}
CASE(unwritten_copy) {
    const Device<int> x(8);
    const Device<int> y(std::vector<int>(8));
    const Device<int> out(8);
    compare(
        [&] {
            OK(cudaMemset(x.data, 0, 4 * sizeof(int)));
            OK(cudaMemcpy(y.data, x.data, 8 * sizeof(int), cudaMemcpyDeviceToDevice));
            OK(launch_copy(y.data, out.data, 4));
        },
        [&] { launch_copy(y.data, out.data, 5); });
}

CASE(beyond_an_allocation) {
    const Device<int> x(std::vector<int>(100));
    const Device<int> out(std::vector<int>(200));
    compare([&] { OK(launch_copy(x.data, out.data, 100)); }, [&] { launch_copy(x.data, out.data, 101); });
}
CASE(far_beyond_an_allocation) {
    const Device<int> x(std::vector<int>(100));
    const Device<int> out(std::vector<int>(1000));
    compare([&] { OK(launch_copy(x.data, out.data, 100)); }, [&] { launch_copy(x.data, out.data, 1000); });
}
CASE(after_free) {
    int* x = nullptr;
    OK(cudaMalloc(&x, 64));
    OK(cudaMemset(x, 0, 64));
    const Device<int> out(16);
    compare([&] { OK(launch_copy(x, out.data, 16)); },
            [&] {
                OK(cudaFree(x));
                launch_copy(x, out.data, 16);
            });
}
CASE(null_pointer) {
    const Device<int> out(16);
    compare([] {}, [&] { launch_copy(nullptr, out.data, 16); });
}
CASE(beyond_shared) {
    const Device<int> out(64);
    compare([&] { OK(launch_shared_index(0, out.data)); }, [&] { launch_shared_index(1, out.data); });
}
CASE(beyond_dynamic_shared) {
    const Device<int> out(64);
    compare([&] { OK(launch_dynamic_index(0, out.data)); }, [&] { launch_dynamic_index(1, out.data); });
}
CASE(host_memory_in_a_kernel) {
    const Device<int> out(16);
    int *mapped = nullptr, *pinned = nullptr;
    OK(cudaHostAlloc(&mapped, 64, cudaHostAllocMapped));
    OK(cudaMallocHost(&pinned, 64));
    compare([&] { OK(launch_copy(mapped, out.data, 16)); }, [&] { launch_copy(pinned, out.data, 16); });
}
CASE(stack_of_the_host_in_a_kernel) {
    const Device<int> out(64);
    const int values[16] = {};
    compare([&] { OK(launch_table(3, out.data)); }, [&] { launch_copy(values, out.data, 16); });
}
CASE(misaligned_read) {
    const Device<unsigned char> x(std::vector<unsigned char>(64));
    const Device<int> out(64);
    compare([&] { OK(launch_vector_read(x.data + 16, out.data)); }, [&] { launch_vector_read(x.data + 8, out.data); });
}
CASE(misaligned_write) {
    const Device<unsigned char> out(64);
    compare([&] { OK(launch_vector_write(out.data + 16)); }, [&] { launch_vector_write(out.data + 4); });
}

CASE(copy_used_too_early) {
    const Device<int> x(ascending(256));
    const Device<int> out(64);
    compare([&] { OK(launch_late_copy(false, x.data, out.data)); }, [&] { launch_late_copy(true, x.data, out.data); });
}
CASE(copy_never_waited_for) {
    const Device<int> x(ascending(256));
    const Device<int> out(64);
    compare([&] { OK(launch_no_wait(false, x.data, out.data)); }, [&] { launch_no_wait(true, x.data, out.data); });
}
