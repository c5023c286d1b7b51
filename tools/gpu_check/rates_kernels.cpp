// Each kernel alone, at a model's shapes: recorded many times in a row, so that the launch itself does not count.
#include <algorithm>
#include <cstdio>

#include "rates_session.h"

namespace rates {
namespace {

// One op of which a launch runs `count`, of `bytes` that each must at least read and write.
void print(const std::string& op, const std::string& shape, uint32_t rows, double seconds, double bytes) {
    printf("{\"op\": \"%s\", \"shape\": \"%s\", \"rows\": %u, \"us\": %.2f, \"bytes\": %.0f, \"gb_per_s\": %.1f}\n",
           op.c_str(), shape.c_str(), rows, seconds * 1e6, bytes, bytes / seconds / 1e9);
    fflush(stdout);
}

struct Measurement {
    Session& session;
    uint32_t rows;
    int num_runs;

    // Seconds of one of the `count` ops that body(i) calls.
    double seconds(uint32_t count, const std::function<void(uint32_t)>& body) const {
        const uint32_t graph = session.record([&] {
            for (uint32_t i = 0; i < count; ++i) body(i);
        });
        session.check(session.api.graph_prepare(session.context, graph, rows, rows, rows));
        const double taken = Session::median_seconds(num_runs, [&] { session.launch(graph); });
        session.check(session.api.graph_release(session.context, graph));
        return taken / count;
    }
};

struct LinearCase {
    const char* name;
    uint32_t rows, cols;
    int32_t format, dtype;
    const char* kind;
};

// Weights take turns, `cold_bytes` of them, so that none is in the cache.
void measure_linears(Session& session, const Shape& shape, const std::vector<uint32_t>& rows, uint64_t cold_bytes,
                     int num_runs) {
    const LinearCase cases[] = {
        {"qkv", shape.qkv_cols(), shape.hidden, AERIE_FORMAT_BF16, AERIE_BF16, "bf16"},
        {"o", shape.hidden, shape.attended(), AERIE_FORMAT_BF16, AERIE_BF16, "bf16"},
        {"gate_up", 2 * shape.intermediate, shape.hidden, AERIE_FORMAT_BF16, AERIE_BF16, "bf16"},
        {"down", shape.hidden, shape.intermediate, AERIE_FORMAT_BF16, AERIE_BF16, "bf16"},
        {"lm_head", shape.vocab, shape.hidden, AERIE_FORMAT_BF16, AERIE_BF16, "bf16"},
        {"down", shape.hidden, shape.intermediate, AERIE_FORMAT_BF16, AERIE_INT8, "int8"},
        {"down", shape.hidden, shape.intermediate, AERIE_FORMAT_Q4_0, AERIE_F32, "q4_0"},
        {"down", shape.hidden, shape.intermediate, AERIE_FORMAT_Q4_K, AERIE_F32, "q4_k"},
        {"down", shape.hidden, shape.intermediate, AERIE_FORMAT_Q6_K, AERIE_F32, "q6_k"},
        {"down", shape.hidden, shape.intermediate, AERIE_FORMAT_Q8_0, AERIE_F32, "q8_0"},
    };
    const uint32_t most_rows = *std::max_element(rows.begin(), rows.end());
    const uint32_t batch = session.batch(most_rows, 1);
    for (const LinearCase& item : cases) {
        std::vector<uint32_t> weights{session.weight(item.rows, item.cols, item.format, item.dtype)};
        const double bytes = session.weight_bytes(weights[0]);
        const auto count = uint32_t(std::clamp(double(cold_bytes) / bytes, 1.0, 16.0));
        while (weights.size() < count) weights.push_back(session.weight(item.rows, item.cols, item.format, item.dtype));
        const uint32_t x = session.tensor(batch, item.cols), out = session.tensor(batch, item.rows);
        for (const uint32_t num_rows : rows) {
            session.write_rows(batch, num_rows, 1);
            const double seconds = Measurement{session, num_rows, num_runs}.seconds(2 * count, [&](uint32_t i) {
                session.check(session.api.linear(session.context, out, x, weights[i % count], 0));
            });
            const std::string text = std::to_string(item.rows) + "x" + std::to_string(item.cols);
            print(std::string("linear ") + item.kind + " " + item.name, text, num_rows, seconds,
                  bytes + 4.0 * num_rows * (item.rows + item.cols));
        }
        for (const uint32_t weight : weights) session.check(session.api.weight_release(session.context, weight));
        for (const uint32_t tensor : {x, out}) session.check(session.api.tensor_release(session.context, tensor));
    }
}

void measure_attention(Session& session, const Shape& shape, uint32_t rows, uint32_t length, uint64_t cold_bytes,
                       int num_runs) {
    const uint32_t pages = Session::pages_of(length);
    const double bytes = 4.0 * shape.num_kv_heads * shape.head_dim * length * rows;
    const auto layers = uint32_t(std::clamp(double(cold_bytes) / bytes, 1.0, 32.0));
    const uint32_t kv = session.kv(shape, layers, rows * pages), batch = session.batch(rows, pages);
    session.fill(kv, shape, layers, rows * pages * kPageSize);
    const uint32_t qkv = session.tensor(batch, shape.qkv_cols()), out = session.tensor(batch, shape.attended());
    session.write_rows(batch, rows, length);
    const double seconds = Measurement{session, rows, num_runs}.seconds(layers, [&](uint32_t layer) {
        session.check(
            session.api.attention(session.context, out, qkv, kv, batch, layer, shape.num_heads, 0.088f, 0.0f, 0));
    });
    print("attention", std::to_string(length) + " keys", rows, seconds, bytes);
    for (const uint32_t tensor : {qkv, out}) session.check(session.api.tensor_release(session.context, tensor));
    session.check(session.api.batch_release(session.context, batch));
    session.check(session.api.kv_release(session.context, kv));
}

// Ops of little work, whose time is that of a launch.
void measure_rest(Session& session, const Shape& shape, uint32_t rows, int num_runs) {
    const Api& api = session.api;
    const uint32_t context = session.context, batch = session.batch(rows, 1);
    const uint32_t kv = session.kv(shape, 1, rows), table = session.weight(512, shape.hidden);
    const uint32_t scale = session.vector(shape.hidden), frequencies = session.vector(shape.head_dim / 2);
    const uint32_t x = session.tensor(batch, shape.hidden), out = session.tensor(batch, shape.hidden);
    const uint32_t qkv = session.tensor(batch, shape.qkv_cols()), angles = session.tensor(batch, shape.head_dim);
    const uint32_t both = session.tensor(batch, 2 * shape.intermediate),
                   half = session.tensor(batch, shape.intermediate);
    const uint32_t outputs = session.tensor(batch, shape.hidden, AERIE_OUTPUTS);
    const uint32_t logits = session.tensor(batch, shape.vocab, AERIE_OUTPUTS);
    uint32_t sampler;
    session.check(api.sampler_create(context, &sampler, rows, shape.vocab, 0));
    std::vector<aerie_sampling_row> draws(rows);
    session.write_rows(batch, rows, 1);
    const double row = 4.0 * rows;
    const auto measure = [&](const char* op, double bytes, const std::function<int32_t()>& body) {
        const auto seconds = Measurement{session, rows, num_runs}.seconds(32, [&](uint32_t) { session.check(body()); });
        print(op, "", rows, seconds, bytes);
    };
    const auto draw = [&](const char* op, float temperature, int32_t top_k, float top_p) {
        for (uint32_t r = 0; r < rows; ++r) {
            draws[r] = {};
            draws[r].temperature = temperature;
            draws[r].top_k = top_k;
            draws[r].top_p = top_p;
            draws[r].repetition = 1;
            draws[r].target = -1;
            draws[r].num_top = draws[r].mask = -1;
            draws[r].seed_low = r;
        }
        session.check(api.sampler_write(context, sampler, draws.data(), rows, nullptr, 0, nullptr, 0));
        measure(op, row * shape.vocab, [&] { return api.sample(context, sampler, logits); });
    };
    measure("embedding", row * 1.5 * shape.hidden, [&] { return api.embedding(context, x, batch, table); });
    measure("rms_norm", row * 2 * shape.hidden, [&] { return api.rms_norm(context, out, x, scale, 1e-5f); });
    measure("rope_angles", row * shape.head_dim, [&] { return api.rope_angles(context, angles, batch, frequencies, 1.0f); });
    measure("rope", row * 2 * (shape.num_heads + shape.num_kv_heads) * shape.head_dim,
            [&] { return api.rope(context, qkv, angles, shape.num_heads + shape.num_kv_heads, shape.head_dim); });
    measure("kv_store", row * 3 * shape.num_kv_heads * shape.head_dim,
            [&] { return api.kv_store(context, kv, qkv, batch, 0, shape.num_heads); });
    measure("silu_mul", row * 3 * shape.intermediate, [&] { return api.silu_mul(context, half, both); });
    measure("gather_outputs", row * 2 * shape.hidden, [&] { return api.gather_outputs(context, outputs, x, batch); });
    draw("sample greedy", 0, 0, 1);
    draw("sample plain", 1, 0, 1);
    draw("sample top_k top_p", 1, 40, 0.95f);
    for (const uint32_t tensor : {x, out, qkv, angles, both, half, outputs, logits, scale, frequencies})
        session.check(api.tensor_release(context, tensor));
    session.check(api.sampler_release(context, sampler));
    session.check(api.batch_release(context, batch));
    session.check(api.weight_release(context, table));
    session.check(api.kv_release(context, kv));
}

}  // namespace

void measure_kernels(Session& session, const Shape& shape, const std::vector<uint32_t>& rows,
                     const std::vector<uint32_t>& contexts, uint64_t cold_bytes, int num_runs) {
    measure_linears(session, shape, rows, cold_bytes, num_runs);
    for (const uint32_t length : contexts)
        for (const uint32_t num_rows : rows) measure_attention(session, shape, num_rows, length, cold_bytes, num_runs);
    for (const uint32_t num_rows : rows) measure_rest(session, shape, num_rows, num_runs);
}

}  // namespace rates
