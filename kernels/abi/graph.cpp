// aerie_graph_*, aerie_wait and aerie_poll of aerie.h.
#include "abi/context.h"

using namespace aerie;

int32_t aerie_graph_begin(uint32_t handle) {
    return guard(handle, [&](Context& context) {
        if (context.recording) fail(AERIE_BAD_ARGUMENT, "graph_begin: a graph is being recorded already");
        context.begin_recording();
    });
}

int32_t aerie_graph_end(uint32_t handle, uint32_t* out) {
    // Ends a recording whatever the device did: other threads wait for it.
    return guard<CleanupCall>(handle, [&](Context& context) {
        if (!context.recording) fail(AERIE_BAD_ARGUMENT, "graph_end: no graph is being recorded");
        std::shared_ptr<Graph> graph = context.end_recording();
        context.expect_device();
        graph->tape.number_slices();
        graph->tape.check_temporaries();
        graph->program = context.backend->compile(graph->tape);
        for (const auto& [batch, limits] : graph->tape.limits) batch->limits.widen(limits);
        *out = context.objects.add(std::move(graph));
    });
}

int32_t aerie_graph_prepare(uint32_t handle, uint32_t graph_handle, uint32_t num_rows, uint32_t num_segments,
                            uint32_t num_outputs) {
    return guard(handle, [&](Context& context) {
        if (context.recording) fail(AERIE_BAD_ARGUMENT, "graph_prepare: a graph is being recorded");
        Graph& graph = context.use<Graph>(graph_handle, "graph_prepare", "graph");
        for (const auto& [batch, limits] : graph.tape.limits)
            if (num_rows > batch->max_rows || num_segments > batch->max_segments || num_outputs > batch->max_outputs)
                fail(AERIE_BAD_SHAPE, "graph_prepare: %u rows, %u segments, %u outputs exceed %u, %u, %u", num_rows,
                     num_segments, num_outputs, batch->max_rows, batch->max_segments, batch->max_outputs);
        context.backend->prepare(*graph.program, num_rows, num_segments, num_outputs);
    });
}

int32_t aerie_graph_launch(uint32_t handle, uint32_t* ticket, uint32_t graph_handle) {
    return guard(handle, [&](Context& context) {
        if (context.recording) fail(AERIE_BAD_ARGUMENT, "graph_launch: a graph is being recorded");
        if (!ticket) fail(AERIE_BAD_ARGUMENT, "graph_launch: ticket is null");
        Graph& graph = context.use<Graph>(graph_handle, "graph_launch", "graph");
        for (const auto& [batch, limits] : graph.tape.limits) {
            const BatchBlock& block = batch->block();
            check_sources("graph_launch", block.counts, limits);
            // Skipped where the limits that aerie_batch_write checked are as strict, which is the usual case.
            if (!limits.follow_from(block.checked)) check_limits("graph_launch", block.arrays(), limits);
        }
        const uint64_t number = context.queue.push(context.used);
        for (const auto& [batch, limits] : graph.tape.limits) batch->block().last_use = number;
        graph.tape.plans.make(context.backend->num_workers());
        context.backend->launch(*graph.program, number);
        context.queue.retire();
        *ticket = context.queue.issue_ticket(number);
    });
}

int32_t aerie_wait(uint32_t handle, uint32_t ticket) {
    return guard<UnlockedCall>(
        handle, [&](Context& context) { context.backend->wait(context.queue.number_of("wait", ticket)); });
}

int32_t aerie_poll(uint32_t handle, int32_t* done, uint32_t ticket) {
    return guard<UnlockedCall>(handle, [&](Context& context) {
        if (!done) fail(AERIE_BAD_ARGUMENT, "poll: done is null");
        *done = context.backend->is_done(context.queue.number_of("poll", ticket));
    });
}

int32_t aerie_graph_release(uint32_t handle, uint32_t graph) {
    return guard<CleanupCall>(handle, [&](Context& context) { context.release<Graph>(graph, "graph_release"); });
}
