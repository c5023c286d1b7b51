// A context on a library that is opened by its path, with objects of random content, for measurements.
#pragma once
#include <aerie.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "abi/entries.h"

namespace rates {

// The shape of a model.
struct Shape {
    uint32_t hidden, intermediate, num_layers, num_heads, num_kv_heads, head_dim, vocab;
    uint32_t qkv_cols() const { return (num_heads + 2 * num_kv_heads) * head_dim; }
    uint32_t attended() const { return num_heads * head_dim; }
};
constexpr Shape kLlama8B = {4096, 14336, 32, 32, 8, 128, 128256};
constexpr Shape kTiny = {256, 512, 2, 4, 2, 64, 512};

constexpr uint32_t kPageSize = 64;

// Functions of the library.
struct Api {
    explicit Api(const std::string& path);
#define AERIE_ENTRY(name) decltype(aerie_##name)* name;
    AERIE_ENTRIES(AERIE_ENTRY)
#undef AERIE_ENTRY
    decltype(aerie_context_error)* context_error;
    decltype(aerie_context_describe)* context_describe;
};

class Session {
  public:
    Session(const std::string& path, int32_t device, uint32_t num_threads);
    ~Session() { api.context_destroy(context); }
    Session(const Session&) = delete;

    // Ends the program with the library's text unless `status` is 0.
    void check(int32_t status) const;
    std::string describe() const;

    // A packed weight [rows, cols] of random numbers; floats are kept as `dtype`.
    uint32_t weight(uint32_t rows, uint32_t cols, int32_t format = AERIE_FORMAT_BF16, int32_t dtype = AERIE_BF16);
    double weight_bytes(uint32_t weight) const;
    // A vector [1, cols] of such numbers.
    uint32_t vector(uint32_t cols);
    uint32_t batch(uint32_t max_rows, uint32_t max_pages);
    uint32_t tensor(uint32_t batch, uint32_t cols, int32_t scope = AERIE_ROWS);
    uint32_t kv(const Shape& shape, uint32_t num_layers, uint32_t num_pages);
    // Fills `num_slots` slots of all layers with random keys and values.
    void fill(uint32_t kv, const Shape& shape, uint32_t num_layers, uint32_t num_slots);
    // Writes one row each of `num_rows` sequences that see `context` entries, all of them outputs. Sequence s has pages
    // s * pages_of(context) and on.
    void write_rows(uint32_t batch, uint32_t num_rows, uint32_t context);
    static uint32_t pages_of(uint32_t context) { return (context + kPageSize - 1) / kPageSize; }

    uint32_t record(const std::function<void()>& body);
    void launch(uint32_t graph);
    // Median seconds of `count` runs, after one that warms up.
    static double median_seconds(int count, const std::function<void()>& body);

    const Api api;
    uint32_t context = 0;

  private:
    uint64_t next();

    uint64_t random_ = 7;
};

// Prints objects of JSON, one a line.
void measure_kernels(Session& session, const Shape& shape, const std::vector<uint32_t>& rows,
                     const std::vector<uint32_t>& contexts, uint64_t cold_bytes, int num_runs);
void measure_forwards(Session& session, const Shape& shape, const std::vector<uint32_t>& rows, uint32_t context,
                      int num_runs);

}  // namespace rates
