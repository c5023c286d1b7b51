// Whole decode forwards of a model of random weights, through the C ABI as the server runs them: the batch is written,
// the graph launched, the tokens read.
#include <algorithm>
#include <cstdio>

#include "rates_session.h"

namespace rates {
namespace {

struct Layer {
    uint32_t input_norm, qkv, o, post_norm, gate_up, down;
};

struct Model {
    Shape shape;
    uint32_t embedding, final_norm, lm_head, frequencies;
    std::vector<Layer> layers;
    double bytes = 0;  // of what a forward reads of the weights
};

Model make_model(Session& session, const Shape& shape) {
    Model model{shape, 0, 0, 0, 0, {}};
    const auto weight = [&](uint32_t rows, uint32_t cols) {
        const uint32_t made = session.weight(rows, cols);
        model.bytes += session.weight_bytes(made);
        return made;
    };
    for (uint32_t i = 0; i < shape.num_layers; ++i)
        model.layers.push_back({session.vector(shape.hidden), weight(shape.qkv_cols(), shape.hidden),
                                weight(shape.hidden, shape.attended()), session.vector(shape.hidden),
                                weight(2 * shape.intermediate, shape.hidden),
                                weight(shape.hidden, shape.intermediate)});
    model.lm_head = weight(shape.vocab, shape.hidden);
    model.embedding = session.weight(512, shape.hidden);
    model.final_norm = session.vector(shape.hidden);
    model.frequencies = session.vector(shape.head_dim / 2);
    return model;
}

// The tensors of a forward, shared by all layers.
struct Forward {
    Session& session;
    const Model& model;
    uint32_t batch, kv, sampler, x, norm, qkv, angles, attended, gate_up, activated, output, logits;

    Forward(Session& session, const Model& model, uint32_t rows, uint32_t length)
        : session(session), model(model), batch(session.batch(rows, Session::pages_of(length))) {
        const Shape& shape = model.shape;
        kv = session.kv(shape, shape.num_layers, rows * Session::pages_of(length));
        session.fill(kv, shape, shape.num_layers, rows * Session::pages_of(length) * kPageSize);
        session.check(session.api.sampler_create(session.context, &sampler, rows, shape.vocab, 0));
        x = session.tensor(batch, shape.hidden);
        norm = session.tensor(batch, shape.hidden);
        qkv = session.tensor(batch, shape.qkv_cols());
        angles = session.tensor(batch, shape.head_dim);
        attended = session.tensor(batch, shape.attended());
        gate_up = session.tensor(batch, 2 * shape.intermediate);
        activated = session.tensor(batch, shape.intermediate);
        output = session.tensor(batch, shape.hidden, AERIE_OUTPUTS);
        logits = session.tensor(batch, shape.vocab, AERIE_OUTPUT_SLICE);
    }
    ~Forward() {
        for (const uint32_t tensor : {x, norm, qkv, angles, attended, gate_up, activated, output, logits})
            session.check(session.api.tensor_release(session.context, tensor));
        session.check(session.api.sampler_release(session.context, sampler));
        session.check(session.api.kv_release(session.context, kv));
        session.check(session.api.batch_release(session.context, batch));
    }

    uint32_t record() const {
        const Api& api = session.api;
        const Shape& shape = model.shape;
        const uint32_t context = session.context, heads = shape.num_heads, all = heads + shape.num_kv_heads;
        const auto check = [&](int32_t status) { session.check(status); };
        return session.record([&] {
            check(api.embedding(context, x, batch, model.embedding));
            check(api.rope_angles(context, angles, batch, model.frequencies, 1.0f));
            for (uint32_t i = 0; i < shape.num_layers; ++i) {
                const Layer& layer = model.layers[i];
                check(api.rms_norm(context, norm, x, layer.input_norm, 1e-5f));
                check(api.linear(context, qkv, norm, layer.qkv, 0));
                check(api.rope(context, qkv, angles, all, shape.head_dim));
                check(api.kv_store(context, kv, qkv, batch, i, heads));
                check(api.attention(context, attended, qkv, kv, batch, i, heads, 0.088f, 0.0f, 0));
                check(api.linear(context, x, attended, layer.o, x));
                check(api.rms_norm(context, norm, x, layer.post_norm, 1e-5f));
                check(api.linear(context, gate_up, norm, layer.gate_up, 0));
                check(api.silu_mul(context, activated, gate_up));
                check(api.linear(context, x, activated, layer.down, x));
            }
            check(api.rms_norm(context, norm, x, model.final_norm, 1e-5f));
            check(api.gather_outputs(context, output, norm, batch));
            check(api.linear(context, logits, output, model.lm_head, 0));
            check(api.sample(context, sampler, logits));
        });
    }
};

}  // namespace

void measure_forwards(Session& session, const Shape& shape, const std::vector<uint32_t>& rows, uint32_t length,
                      int num_runs) {
    const Model model = make_model(session, shape);
    for (const uint32_t num_rows : rows) {
        const Forward forward(session, model, num_rows, length);
        std::vector<aerie_sampling_row> draws(num_rows);
        for (aerie_sampling_row& draw : draws) {
            draw.top_p = draw.repetition = 1;
            draw.target = draw.num_top = draw.mask = -1;
        }
        std::vector<int32_t> tokens[2] = {std::vector<int32_t>(num_rows), std::vector<int32_t>(num_rows)};
        for (const bool prepared : {false, true}) {
            const uint32_t graph = forward.record();
            if (prepared)
                session.check(session.api.graph_prepare(session.context, graph, num_rows, num_rows, num_rows));
            const double seconds = Session::median_seconds(num_runs, [&] {
                session.write_rows(forward.batch, num_rows, length);
                session.check(session.api.sampler_write(session.context, forward.sampler, draws.data(), num_rows,
                                                        nullptr, 0, nullptr, 0));
                session.launch(graph);
                session.check(session.api.sampler_read(session.context, tokens[prepared].data(), nullptr, nullptr,
                                                       nullptr, nullptr, nullptr, forward.sampler, 0, num_rows, 0));
            });
            session.check(session.api.graph_release(session.context, graph));
            const double kv_bytes = 4.0 * shape.num_layers * shape.num_kv_heads * shape.head_dim * length * num_rows;
            printf(
                "{\"op\": \"forward\", \"graph\": %s, \"rows\": %u, \"keys\": %u, \"ms\": %.3f, "
                "\"tokens_per_s\": %.1f, \"bytes\": %.0f, \"gb_per_s\": %.1f}\n",
                prepared ? "true" : "false", num_rows, length, seconds * 1e3, num_rows / seconds,
                model.bytes + kv_bytes, (model.bytes + kv_bytes) / seconds / 1e9);
            fflush(stdout);
        }
        if (tokens[0] != tokens[1]) {
            fprintf(stderr, "rates: with a graph other tokens are drawn than without\n");
            exit(1);
        }
    }
}

}  // namespace rates
