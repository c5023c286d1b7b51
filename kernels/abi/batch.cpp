// aerie_batch_*, aerie_kv_* and aerie_graph_* of aerie.h.
#include "abi/context.h"

using namespace aerie;

namespace {
constexpr uint32_t kMaxCount = 1u << 24;

template <class T>
void copy(std::vector<T>& to, const T* from, size_t count, const char* name) {
    if (!from && count) fail(AERIE_BAD_ARGUMENT, "batch_write: %s is null", name);
    if (count) memcpy(to.data(), from, count * sizeof(T));
}

void check_rows(const Batch& batch, uint32_t num_rows, uint32_t num_segments, uint32_t num_outputs) {
    const auto bad = [](const char* name, uint32_t index, int32_t value) {
        fail(AERIE_BAD_ARGUMENT, "batch_write: %s[%u] is %d", name, index, value);
    };
    for (uint32_t i = 0; i < num_rows; ++i) {
        if (batch.tokens[i] < -1) bad("tokens", i, batch.tokens[i]);
        if (batch.positions[i] < 0) bad("positions", i, batch.positions[i]);
        if (batch.slots[i] < 0) bad("slots", i, batch.slots[i]);
        if (batch.visible[i] < 0) bad("visible", i, batch.visible[i]);
    }
    const std::vector<int32_t>& starts = batch.segment_starts;
    if (starts[0]) bad("segment_starts", 0, starts[0]);
    for (uint32_t s = 0; s < num_segments; ++s)
        if (starts[s + 1] < starts[s]) bad("segment_starts", s + 1, starts[s + 1]);
    if (starts[num_segments] != int32_t(num_rows)) bad("segment_starts", num_segments, starts[num_segments]);
    for (uint32_t i = 0; i < num_outputs; ++i)
        if (batch.outputs[i] < 0 || batch.outputs[i] >= int32_t(num_rows)) bad("outputs", i, batch.outputs[i]);
}
}  // namespace

int32_t aerie_batch_create(uint32_t handle, uint32_t* out, uint32_t max_rows, uint32_t max_segments, uint32_t max_pages,
                           uint32_t max_outputs) {
    return guard(handle, [&](Context& context) {
        if (!max_rows || !max_segments || !max_pages || !max_outputs || max_rows > kMaxCount ||
            max_segments > kMaxCount || max_pages > kMaxCount || max_outputs > kMaxCount)
            fail(AERIE_BAD_SHAPE, "batch_create: %u rows, %u segments, %u pages, %u outputs", max_rows, max_segments,
                 max_pages, max_outputs);
        auto batch = std::make_shared<Batch>();
        batch->max_rows = max_rows;
        batch->max_segments = max_segments;
        batch->max_pages = max_pages;
        batch->max_outputs = max_outputs;
        for (auto* rows : {&batch->tokens, &batch->positions, &batch->slots, &batch->visible}) rows->resize(max_rows);
        batch->sources.resize(max_rows);
        batch->tree_masks.resize(max_rows);
        batch->segment_starts.resize(max_segments + 1);
        batch->page_table.resize(size_t(max_segments) * max_pages);
        batch->outputs.resize(max_outputs);
        *out = context.objects.add(std::move(batch));
    });
}

int32_t aerie_batch_write(uint32_t handle, uint32_t batch_handle, const int32_t* tokens, const int32_t* positions,
                          const int32_t* slots, const int32_t* visible, const uint64_t* tree_masks,
                          const int32_t* segment_starts, const int32_t* page_table, const int32_t* outputs,
                          uint32_t num_rows, uint32_t num_segments, uint32_t pages_per_segment, uint32_t num_outputs) {
    return guard(handle, [&](Context& context) {
        Batch& batch = context.use<Batch>(batch_handle, "batch_write", "batch");
        if (num_rows > batch.max_rows || num_segments > batch.max_segments || pages_per_segment > batch.max_pages ||
            num_outputs > batch.max_outputs)
            fail(AERIE_BAD_SHAPE, "batch_write: %u rows, %u segments, %u pages, %u outputs exceed %u, %u, %u, %u",
                 num_rows, num_segments, pages_per_segment, num_outputs, batch.max_rows, batch.max_segments,
                 batch.max_pages, batch.max_outputs);
        batch.num_rows = batch.num_segments = batch.num_outputs = batch.num_sources =
            0;  // a batch that is refused must not run
        copy(batch.tokens, tokens, num_rows, "tokens");
        copy(batch.positions, positions, num_rows, "positions");
        copy(batch.slots, slots, num_rows, "slots");
        copy(batch.visible, visible, num_rows, "visible");
        copy(batch.tree_masks, tree_masks, num_rows, "tree_masks");
        copy(batch.segment_starts, segment_starts, num_segments + 1, "segment_starts");
        copy(batch.page_table, page_table, size_t(num_segments) * pages_per_segment, "page_table");
        copy(batch.outputs, outputs, num_outputs, "outputs");
        check_rows(batch, num_rows, num_segments, num_outputs);
        batch.num_rows = num_rows;
        batch.num_segments = num_segments;
        batch.pages_per_segment = pages_per_segment;
        batch.num_outputs = num_outputs;
    });
}

int32_t aerie_batch_sources(uint32_t handle, uint32_t batch_handle, const int32_t* sources, uint32_t num_rows) {
    return guard(handle, [&](Context& context) {
        Batch& batch = context.use<Batch>(batch_handle, "batch_sources", "batch");
        if (num_rows != batch.num_rows)
            fail(AERIE_BAD_SHAPE, "batch_sources: %u rows, expected %u", num_rows, batch.num_rows);
        batch.num_sources = 0;
        copy(batch.sources, sources, num_rows, "sources");
        for (uint32_t i = 0; i < num_rows; ++i)
            if (batch.sources[i] < 0) fail(AERIE_BAD_ARGUMENT, "batch_sources: sources[%u] is %d", i, batch.sources[i]);
        batch.num_sources = num_rows;
    });
}

int32_t aerie_batch_release(uint32_t handle, uint32_t batch) {
    return guard(handle, [&](Context& context) { context.release<Batch>(batch, "batch_release"); });
}

int32_t aerie_kv_create(uint32_t handle, uint32_t* out, uint32_t num_layers, uint32_t num_pages, uint32_t page_size,
                        uint32_t num_kv_heads, uint32_t head_dim, int32_t dtype) {
    return guard(handle, [&](Context& context) {
        if (page_size % 16 || !page_size || page_size > 4096)
            fail(AERIE_BAD_SHAPE, "kv_create: page_size is %u, expected a multiple of 16", page_size);
        if (head_dim % 16 || !head_dim || head_dim > 512)
            fail(AERIE_UNSUPPORTED, "kv_create: head_dim is %u, expected a multiple of 16 up to 512", head_dim);
        if (dtype != AERIE_F32 && dtype != AERIE_F16 && dtype != AERIE_BF16)
            fail(AERIE_UNSUPPORTED, "kv_create: dtype is %d", dtype);
        if (!num_layers || !num_pages || !num_kv_heads || num_layers > 4096 || num_kv_heads > 4096 ||
            uint64_t(num_pages) * page_size > INT32_MAX)
            fail(AERIE_BAD_SHAPE, "kv_create: %u layers, %u pages of %u, %u heads", num_layers, num_pages, page_size,
                 num_kv_heads);
        auto kv = std::make_shared<KvPool>();
        kv->num_layers = num_layers;
        kv->num_pages = num_pages;
        kv->page_size = page_size;
        kv->num_kv_heads = num_kv_heads;
        kv->head_dim = head_dim;
        kv->dtype = aerie_dtype(dtype);
        // At most 2^48 by the limits above; times the pages it may leave 64 bits.
        const uint64_t page_bytes =
            uint64_t(2) * num_layers * page_size * num_kv_heads * head_dim * (dtype == AERIE_F32 ? 4 : 2);
        uint64_t bytes;
        if (__builtin_mul_overflow(page_bytes, uint64_t(num_pages), &bytes))
            fail(AERIE_OUT_OF_MEMORY, "kv_create: %u pages of %llu bytes", num_pages, (unsigned long long)page_bytes);
        kv->memory = Memory(bytes);
        *out = context.objects.add(std::move(kv));
    });
}

int32_t aerie_kv_move(uint32_t handle, uint32_t kv_handle, const int32_t* from, const int32_t* to, uint32_t num_slots) {
    return guard(handle, [&](Context& context) {
        KvPool& kv = context.use<KvPool>(kv_handle, "kv_move", "kv");
        check_moves(context, "kv_move", from, to, num_slots, uint64_t(kv.num_pages) * kv.page_size);
        context.backend->kv_move(kv, from, to, num_slots);
    });
}

int32_t aerie_kv_release(uint32_t handle, uint32_t kv) {
    return guard(handle, [&](Context& context) { context.release<KvPool>(kv, "kv_release"); });
}

int32_t aerie_graph_begin(uint32_t handle) {
    return guard(handle, [&](Context& context) {
        if (context.recording) fail(AERIE_BAD_ARGUMENT, "graph_begin: a graph is being recorded already");
        context.recorded.clear();
        context.backend->graph_begin();
        context.recording = true;
        context.mutex.lock();
    });
}

int32_t aerie_graph_end(uint32_t handle, uint32_t* out) {
    return guard(handle, [&](Context& context) {
        if (!context.recording) fail(AERIE_BAD_ARGUMENT, "graph_end: no graph is being recorded");
        context.recording = false;
        context.mutex.unlock();
        std::shared_ptr<Graph> graph = context.backend->graph_end();
        graph->objects = std::move(context.recorded);
        *out = context.objects.add(std::move(graph));
    });
}

int32_t aerie_graph_replay(uint32_t handle, uint32_t graph) {
    return guard(handle, [&](Context& context) {
        if (context.recording) fail(AERIE_BAD_ARGUMENT, "graph_replay: a graph is being recorded");
        context.backend->graph_replay(context.use<Graph>(graph, "graph_replay", "graph"));
    });
}

int32_t aerie_graph_release(uint32_t handle, uint32_t graph) {
    return guard(handle, [&](Context& context) { context.release<Graph>(graph, "graph_release"); });
}
