// What the device can do without Aerie: copies within its memory, and products by cuBLASLt, which is opened where it
// is and whose functions are declared here as its documentation has them.
//   yardsticks BYTES CUBLASLT [ROWSxCOLSxN ...]   the path of libcublasLt, or "none"; a weight [ROWS, COLS] times N
//   rows
// Prints one object of JSON: bytes a second, and microseconds a product.
#include <cuda_runtime.h>
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

void expect(cudaError_t error, const char* what) {
    if (error == cudaSuccess) return;
    fprintf(stderr, "yardsticks: %s: %s\n", what, cudaGetErrorString(error));
    exit(2);
}

// The median of seven runs of `count` calls of `body`, in seconds a call.
template <class Body>
double seconds_of(int count, cudaStream_t stream, const Body& body) {
    std::vector<double> seconds;
    for (int run = -1; run < 7; ++run) {
        expect(cudaStreamSynchronize(stream), "wait");
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < count; ++i) body(i);
        expect(cudaStreamSynchronize(stream), "wait");
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
        if (run >= 0) seconds.push_back(taken.count() / count);  // the first warms up
    }
    std::nth_element(seconds.begin(), seconds.begin() + 3, seconds.end());
    return seconds[3];
}

void* allocate(size_t bytes, cudaStream_t stream) {
    void* memory = nullptr;
    expect(cudaMalloc(&memory, bytes), "allocate");
    // Bytes of which no 16-bit number is infinite or none.
    expect(cudaMemsetAsync(memory, 0x3c, bytes, stream), "allocate");
    return memory;
}

// The interface of CUDA 12 and 13.
struct Algorithm {
    uint64_t data[8];
};
struct Choice {
    Algorithm algorithm;
    size_t workspace_bytes;
    int status;
    float waves;
    int reserved[4];
};
constexpr int kCompute32F = 68, kReal32F = 0, kRealBf16 = 14, kTransposeA = 3, kMostWorkspace = 1, kTranspose = 1;
constexpr size_t kWorkspaceBytes = size_t(32) << 20;

class Cublas {
  public:
    explicit Cublas(const char* path) : handle_(dlopen(path, RTLD_NOW)) {}
    bool is_there() const { return handle_ != nullptr; }

    // Microseconds of y [n, rows] = x [n, cols] weight [rows, cols]^T in bf16, which is column by column
    // weight^T (transposed) times x. Weights take turns, so that none is in the cache.
    double microseconds(uint64_t rows, uint64_t cols, uint64_t n, cudaStream_t stream) {
        if (!lt_) check(function<int(void**)>("cublasLtCreate")(&lt_), "create");
        const size_t weight_bytes = rows * cols * 2;
        const size_t num_weights = std::clamp<size_t>((size_t(512) << 20) / weight_bytes, 1, 16);
        char* const weights = static_cast<char*>(allocate(weight_bytes * num_weights, stream));
        void* const x = allocate(cols * n * 2, stream);
        void* const y = allocate(rows * n * 2, stream);
        void* const workspace = allocate(kWorkspaceBytes, stream);
        void *operation, *a, *b, *c, *preference;
        check(function<int(void**, int, int)>("cublasLtMatmulDescCreate")(&operation, kCompute32F, kReal32F), "desc");
        check(function<int(void*, int, const void*, size_t)>("cublasLtMatmulDescSetAttribute")(
                  operation, kTransposeA, &kTranspose, sizeof kTranspose),
              "desc");
        const auto layout = [&](void** made, uint64_t m, uint64_t k) {
            check(function<int(void**, int, uint64_t, uint64_t, int64_t)>("cublasLtMatrixLayoutCreate")(
                      made, kRealBf16, m, k, int64_t(m)),
                  "layout");
        };
        layout(&a, cols, rows);
        layout(&b, cols, n);
        layout(&c, rows, n);
        check(function<int(void**)>("cublasLtMatmulPreferenceCreate")(&preference), "preference");
        check(function<int(void*, int, const void*, size_t)>("cublasLtMatmulPreferenceSetAttribute")(
                  preference, kMostWorkspace, &kWorkspaceBytes, sizeof kWorkspaceBytes),
              "preference");
        Choice choice;
        int num_choices = 0;
        check(function<int(void*, void*, void*, void*, void*, void*, void*, int, Choice*, int*)>(
                  "cublasLtMatmulAlgoGetHeuristic")(lt_, operation, a, b, c, c, preference, 1, &choice, &num_choices),
              "heuristic");
        const float one = 1, zero = 0;
        const auto multiply =
            function<int(void*, void*, const void*, const void*, void*, const void*, void*, const void*, const void*,
                         void*, void*, void*, const Algorithm*, void*, size_t, cudaStream_t)>("cublasLtMatmul");
        const double seconds = seconds_of(20, stream, [&](int i) {
            check(multiply(lt_, operation, &one, weights + weight_bytes * (size_t(i) % num_weights), a, x, b, &zero, y,
                           c, y, c, &choice.algorithm, workspace, kWorkspaceBytes, stream),
                  "matmul");
        });
        for (void* memory : {static_cast<void*>(weights), x, y, workspace}) cudaFree(memory);
        return seconds * 1e6;
    }

  private:
    template <class T>
    T* function(const char* name) {
        void* const found = dlsym(handle_, name);
        if (!found) throw std::runtime_error(std::string("there is no ") + name);
        return reinterpret_cast<T*>(found);
    }
    void check(int status, const char* what) {
        if (status) throw std::runtime_error(std::string(what) + ": status " + std::to_string(status));
    }

    void* const handle_;
    void* lt_ = nullptr;
};

}  // namespace

int main(int count, char** arguments) {
    if (count < 3) return 2;
    const size_t bytes = strtoull(arguments[1], nullptr, 10);
    cudaDeviceProp properties;
    expect(cudaGetDeviceProperties(&properties, 0), "device");
    cudaStream_t stream;
    expect(cudaStreamCreate(&stream), "stream");
    void *from = allocate(bytes, stream), *to = allocate(bytes, stream);
    const double seconds = seconds_of(
        5, stream, [&](int) { expect(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream), "copy"); });
    cudaFree(from);
    cudaFree(to);
    printf("{\"device\": \"%s\", \"multiprocessors\": %d, \"copied_bytes\": %zu, \"copy_gb_per_s\": %.1f, ",
           properties.name, properties.multiProcessorCount, bytes, 2 * double(bytes) / seconds / 1e9);
    Cublas cublas(arguments[2]);
    printf("\"cublaslt\": %s", cublas.is_there() ? "{" : "null");
    for (int i = 3; cublas.is_there() && i < count; ++i) {
        unsigned rows = 0, cols = 0, n = 0;
        if (sscanf(arguments[i], "%ux%ux%u", &rows, &cols, &n) != 3) return 2;
        printf("%s\"%s\": ", i == 3 ? "" : ", ", arguments[i]);
        try {
            printf("%.2f", cublas.microseconds(rows, cols, n, stream));
        } catch (const std::runtime_error& error) {
            printf("null");
            fprintf(stderr, "yardsticks: cuBLASLt, %s: %s\n", arguments[i], error.what());
        }
    }
    printf("%s}\n", cublas.is_there() ? "}" : "");
}
