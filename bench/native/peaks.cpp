// The machine's limits: `peaks <bytes of the weights> <threads>` prints, as JSON, lists of two numbers, for one thread
// and for all: read bandwidth over the weights and over 1 GiB in GB/s, int8 dot products in Gop/s (a multiply and an
// add are two), float32 fused multiply-adds in Gflop/s. Each is the best of several runs.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>
#include <vector>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>
#endif

namespace {

constexpr int kRuns = 60;
constexpr int kChains = 12;  // enough independent accumulators to hide the latency of an instruction
constexpr int64_t kSteps = 2'000'000;

// Keeps `value` in a register and its computation in the program.
#if defined(__x86_64__)
#define KEEP(value) asm volatile("" : "+v"(value))
#else
#define KEEP(value) asm volatile("" : "+w"(value))
#endif

// Seconds of the fastest of several runs of `work(thread)` on `num_threads` threads that begin together.
double fastest(int num_threads, const std::function<void(int)>& work) {
    double best = 1e9;
    for (int run = 0; run < kRuns; run++) {
        std::atomic<int> num_waiting{num_threads};
        std::vector<double> seconds(num_threads);
        std::vector<std::thread> threads;
        for (int t = 0; t < num_threads; t++) {
            threads.emplace_back([&, t] {
                num_waiting--;
                while (num_waiting > 0) std::this_thread::yield();
                auto begun = std::chrono::steady_clock::now();
                work(t);
                seconds[t] = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
            });
        }
        for (auto& thread : threads) thread.join();
        double slowest = 0;
        for (double s : seconds) slowest = s > slowest ? s : slowest;
        best = slowest < best ? slowest : best;
    }
    return best;
}

// Vectors of the widest registers there are.
#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif
typedef int64_t Ints __attribute__((vector_size(kVectorBytes)));
typedef float Floats __attribute__((vector_size(kVectorBytes)));

double read_gigabytes(int num_threads, const char* data, size_t bytes) {
    // Each thread reads its part as a few streams side by side, which keeps more requests under way than one.
    constexpr size_t kStreams = 4;
    const size_t stride = bytes / num_threads / kStreams / kVectorBytes;
    double seconds = fastest(num_threads, [&](int t) {
        const Ints* first = reinterpret_cast<const Ints*>(data) + t * kStreams * stride;
        Ints sums[kStreams] = {};
        for (size_t i = 0; i < stride; i++) {
            for (size_t s = 0; s < kStreams; s++) sums[s] += first[s * stride + i];
        }
        for (auto& sum : sums) KEEP(sum);
    });
    return double(stride * kStreams * kVectorBytes * num_threads) / seconds / 1e9;
}

double int8_gigaops(int num_threads) {
#if defined(__AVX512VNNI__)
    using Vector = __m512i;
    auto dot = [](Vector sum, Vector a, Vector b) { return _mm512_dpbusd_epi32(sum, a, b); };
#elif defined(__AVXVNNI__)
    using Vector = __m256i;
    auto dot = [](Vector sum, Vector a, Vector b) { return _mm256_dpbusd_avx_epi32(sum, a, b); };
#elif defined(__AVX2__)
    using Vector = __m256i;
    auto dot = [ones = _mm256_set1_epi16(1)](Vector sum, Vector a, Vector b) {
        return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
    };
#elif defined(__ARM_FEATURE_DOTPROD)
    using Vector = int32x4_t;
    auto dot = [](Vector sum, Vector a, Vector b) {
        return vdotq_s32(sum, vreinterpretq_s8_s32(a), vreinterpretq_s8_s32(b));
    };
#else
    typedef int8_t Vector __attribute__((vector_size(16)));
    auto dot = [](Vector sum, Vector a, Vector b) { return Vector(sum + a * b); };
#endif
    double seconds = fastest(num_threads, [&](int) {
        Vector sums[kChains] = {}, a{}, b{};
        for (auto& sum : sums) KEEP(sum);
        KEEP(b);
        for (int64_t step = 0; step < kSteps; step++) {
            for (auto& sum : sums) {
                KEEP(a);  // else equal products would be computed once for all chains
                sum = dot(sum, a, b);
            }
        }
        for (auto& sum : sums) KEEP(sum);
    });
    return 2.0 * sizeof(Vector) * kChains * kSteps * num_threads / seconds / 1e9;
}

double float_gigaflops(int num_threads) {
    double seconds = fastest(num_threads, [&](int) {
        Floats sums[kChains] = {}, a{}, b{};
        KEEP(b);
        for (auto& sum : sums) KEEP(sum);
        for (int64_t step = 0; step < kSteps; step++) {
            for (auto& sum : sums) {
                KEEP(a);
                sum = a * b + sum;
            }
        }
        for (auto& sum : sums) KEEP(sum);
    });
    return 2.0 * (kVectorBytes / sizeof(float)) * kChains * kSteps * num_threads / seconds / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 1;
    const size_t weight_bytes = std::strtoull(argv[1], nullptr, 10), big_bytes = size_t{1} << 30;
    const int num_threads = std::atoi(argv[2]);
    const size_t bytes = weight_bytes > big_bytes ? weight_bytes : big_bytes;
    std::unique_ptr<char, decltype(&std::free)> data(
        static_cast<char*>(std::aligned_alloc(4096, bytes & ~size_t{4095})), std::free);
    for (size_t i = 0; i < (bytes & ~size_t{4095}); i++) data.get()[i] = char(i);
    auto print = [&](const char* name, const char* end, const std::function<double(int)>& measure) {
        std::printf("\"%s\":[%.1f,%.1f]%s", name, measure(1), measure(num_threads), end);
    };
    std::printf("{");
    print("readWeights", ",", [&](int threads) { return read_gigabytes(threads, data.get(), weight_bytes); });
    print("readGib", ",", [&](int threads) { return read_gigabytes(threads, data.get(), big_bytes); });
    print("int8", ",", int8_gigaops);
    print("float32", "}\n", float_gigaflops);
}
