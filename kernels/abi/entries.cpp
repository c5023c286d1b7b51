// The functions of aerie.h that a trace records, but for ops and sampling: each calls what it does in aerie::entry.
#include "abi/traced_call.h"

using namespace aerie;
using namespace aerie::trace;

// Numbers of so many rows; 0 where the handle is stale or the tensor has fewer, so that the call is refused.
static size_t numbers_of(uint32_t context, uint32_t tensor, size_t num_rows) {
    const auto found = find<Tensor>(context, tensor);
    return found && num_rows <= found->capacity ? found->cols * num_rows : 0;
}

int32_t aerie_context_create(uint32_t* context, int32_t device, uint32_t device_index, uint32_t num_threads) {
    return call(Entry::context_create, entry::aerie_context_create, Made{context}, Scalar{device}, Scalar{device_index},
                Scalar{num_threads});
}
int32_t aerie_context_set_threads(uint32_t context, uint32_t num_threads) {
    return call(Entry::context_set_threads, entry::aerie_context_set_threads, Handle{context}, Scalar{num_threads});
}
// Waits for nobody's recording, which it ends.
int32_t aerie_context_destroy(uint32_t context) {
    Trace* const trace = Trace::instance();
    if (!trace) return entry::aerie_context_destroy(context);
    Turn turn(*trace, Turn::AtOnce{});
    const int32_t status = entry::aerie_context_destroy(context);
    if (status == AERIE_OK) trace->write(Entry::context_destroy, Arguments(Handle{context}));
    turn.set_recording(false);
    return status;
}

// Written down as a file in memory, since the path is another one elsewhere.
int32_t aerie_file_open(uint32_t context, uint32_t* file, const char* path, uint32_t path_bytes) {
    Trace* const trace = Trace::instance();
    if (!trace) return entry::aerie_file_open(context, file, path, path_bytes);
    const Turn turn(*trace);
    const int32_t status = entry::aerie_file_open(context, file, path, path_bytes);
    if (status != AERIE_OK) return status;
    const std::shared_ptr<File> opened = find<File>(context, *file);
    trace->write(Entry::file_create, Arguments(Handle{context}, Made{file}, In<uint8_t>{opened->data, opened->bytes},
                                               Scalar{uint64_t(opened->bytes)}));
    return status;
}
int32_t aerie_file_create(uint32_t context, uint32_t* file, const uint8_t* data, uint64_t bytes) {
    return call(Entry::file_create, entry::aerie_file_create, Handle{context}, Made{file}, In<uint8_t>{data, bytes},
                Scalar{bytes});
}
int32_t aerie_file_close(uint32_t context, uint32_t file) {
    return call(Entry::file_close, entry::aerie_file_close, Handle{context}, Handle{file});
}

int32_t aerie_weight_create(uint32_t context, uint32_t* weight, uint32_t rows, uint32_t cols) {
    return call(Entry::weight_create, entry::aerie_weight_create, Handle{context}, Made{weight}, Scalar{rows},
                Scalar{cols});
}
int32_t aerie_weight_append(uint32_t context, uint32_t weight, uint32_t file, uint64_t offset, uint64_t row_bytes,
                            int32_t format, uint32_t num_rows, uint32_t interleaved_head_dim) {
    return call(Entry::weight_append, entry::aerie_weight_append, Handle{context}, Handle{weight}, Handle{file},
                Scalar{offset}, Scalar{row_bytes}, Scalar{format}, Scalar{num_rows}, Scalar{interleaved_head_dim});
}
int32_t aerie_weight_append_groups(uint32_t context, uint32_t weight, int32_t layout, uint32_t numbers,
                                   uint64_t numbers_offset, uint32_t scales, uint64_t scales_offset,
                                   int32_t scale_format, uint32_t zeros, uint64_t zeros_offset, uint32_t groups,
                                   uint64_t groups_offset, uint32_t num_rows, uint32_t group_rows,
                                   uint32_t group_cols) {
    return call(Entry::weight_append_groups, entry::aerie_weight_append_groups, Handle{context}, Handle{weight},
                Scalar{layout}, Handle{numbers}, Scalar{numbers_offset}, Handle{scales}, Scalar{scales_offset},
                Scalar{scale_format}, Handle{zeros}, Scalar{zeros_offset}, Handle{groups}, Scalar{groups_offset},
                Scalar{num_rows}, Scalar{group_rows}, Scalar{group_cols});
}
int32_t aerie_weight_pack(uint32_t context, uint32_t weight, int32_t float_dtype) {
    return call(Entry::weight_pack, entry::aerie_weight_pack, Handle{context}, Handle{weight}, Scalar{float_dtype});
}
int32_t aerie_weight_bytes(uint32_t context, double* bytes, uint32_t weight) {
    return call(Entry::weight_bytes, entry::aerie_weight_bytes, Handle{context}, Out<double>{bytes, 1}, Handle{weight});
}
int32_t aerie_weight_release(uint32_t context, uint32_t weight) {
    return call(Entry::weight_release, entry::aerie_weight_release, Handle{context}, Handle{weight});
}

int32_t aerie_tensor_create(uint32_t context, uint32_t* tensor, uint32_t rows, uint32_t cols, int32_t dtype) {
    return call(Entry::tensor_create, entry::aerie_tensor_create, Handle{context}, Made{tensor}, Scalar{rows},
                Scalar{cols}, Scalar{dtype});
}
int32_t aerie_tensor_load(uint32_t context, uint32_t* tensor, uint32_t file, uint64_t offset, int32_t format,
                          uint32_t rows, uint32_t cols) {
    return call(Entry::tensor_load, entry::aerie_tensor_load, Handle{context}, Made{tensor}, Handle{file},
                Scalar{offset}, Scalar{format}, Scalar{rows}, Scalar{cols});
}
int32_t aerie_tensor_write(uint32_t context, uint32_t tensor, const float* data, uint32_t first_row,
                           uint32_t num_rows) {
    return call(Entry::tensor_write, entry::aerie_tensor_write, Handle{context}, Handle{tensor},
                In<float>{data, numbers_of(context, tensor, num_rows)}, Scalar{first_row}, Scalar{num_rows});
}
int32_t aerie_tensor_read(uint32_t context, float* data, uint32_t tensor, uint32_t first_row, uint32_t num_rows) {
    return call(Entry::tensor_read, entry::aerie_tensor_read, Handle{context},
                Out<float>{data, numbers_of(context, tensor, num_rows)}, Handle{tensor}, Scalar{first_row},
                Scalar{num_rows});
}
int32_t aerie_tensor_copy(uint32_t context, uint32_t tensor, const int32_t* from, const int32_t* to,
                          uint32_t num_rows) {
    return call(Entry::tensor_copy, entry::aerie_tensor_copy, Handle{context}, Handle{tensor},
                In<int32_t>{from, num_rows}, In<int32_t>{to, num_rows}, Scalar{num_rows});
}
int32_t aerie_tensor_release(uint32_t context, uint32_t tensor) {
    return call(Entry::tensor_release, entry::aerie_tensor_release, Handle{context}, Handle{tensor});
}

int32_t aerie_batch_create(uint32_t context, uint32_t* batch, uint32_t max_rows, uint32_t max_segments,
                           uint32_t max_pages, uint32_t max_outputs) {
    return call(Entry::batch_create, entry::aerie_batch_create, Handle{context}, Made{batch}, Scalar{max_rows},
                Scalar{max_segments}, Scalar{max_pages}, Scalar{max_outputs});
}
int32_t aerie_batch_tensor(uint32_t context, uint32_t* tensor, uint32_t batch, int32_t scope, uint32_t cols,
                           int32_t dtype) {
    return call(Entry::batch_tensor, entry::aerie_batch_tensor, Handle{context}, Made{tensor}, Handle{batch},
                Scalar{scope}, Scalar{cols}, Scalar{dtype});
}
int32_t aerie_batch_temporary(uint32_t context, uint32_t* tensor, uint32_t batch, int32_t scope, uint32_t cols) {
    return call(Entry::batch_temporary, entry::aerie_batch_temporary, Handle{context}, Made{tensor}, Handle{batch},
                Scalar{scope}, Scalar{cols});
}
int32_t aerie_batch_write(uint32_t context, uint32_t batch, const int32_t* tokens, const int32_t* positions,
                          const int32_t* slots, const int32_t* visible, const uint64_t* tree_masks,
                          const int32_t* segment_starts, const int32_t* page_table, const int32_t* outputs,
                          const int32_t* sources, uint32_t num_rows, uint32_t num_segments, uint32_t pages_per_segment,
                          uint32_t num_outputs) {
    return call(Entry::batch_write, entry::aerie_batch_write, Handle{context}, Handle{batch},
                In<int32_t>{tokens, num_rows}, In<int32_t>{positions, num_rows}, In<int32_t>{slots, num_rows},
                In<int32_t>{visible, num_rows}, In<uint64_t>{tree_masks, num_rows},
                In<int32_t>{segment_starts, size_t(num_segments) + 1},
                In<int32_t>{page_table, size_t(num_segments) * pages_per_segment}, In<int32_t>{outputs, num_outputs},
                In<int32_t>{sources, num_rows}, Scalar{num_rows}, Scalar{num_segments}, Scalar{pages_per_segment},
                Scalar{num_outputs});
}
int32_t aerie_batch_release(uint32_t context, uint32_t batch) {
    return call(Entry::batch_release, entry::aerie_batch_release, Handle{context}, Handle{batch});
}

int32_t aerie_kv_create(uint32_t context, uint32_t* kv, uint32_t num_layers, uint32_t num_pages, uint32_t page_size,
                        uint32_t num_kv_heads, uint32_t head_dim, int32_t dtype) {
    return call(Entry::kv_create, entry::aerie_kv_create, Handle{context}, Made{kv}, Scalar{num_layers},
                Scalar{num_pages}, Scalar{page_size}, Scalar{num_kv_heads}, Scalar{head_dim}, Scalar{dtype});
}
int32_t aerie_kv_copy(uint32_t context, uint32_t kv, const int32_t* from, const int32_t* to, uint32_t num_slots) {
    return call(Entry::kv_copy, entry::aerie_kv_copy, Handle{context}, Handle{kv}, In<int32_t>{from, num_slots},
                In<int32_t>{to, num_slots}, Scalar{num_slots});
}
int32_t aerie_kv_release(uint32_t context, uint32_t kv) {
    return call(Entry::kv_release, entry::aerie_kv_release, Handle{context}, Handle{kv});
}

int32_t aerie_graph_begin(uint32_t context) {
    Trace* const trace = Trace::instance();
    if (!trace) return entry::aerie_graph_begin(context);
    Turn turn(*trace);
    const int32_t status = entry::aerie_graph_begin(context);
    if (status != AERIE_OK) return status;
    trace->write(Entry::graph_begin, Arguments(Handle{context}));
    turn.set_recording(true);
    return status;
}
int32_t aerie_graph_end(uint32_t context, uint32_t* graph) {
    Trace* const trace = Trace::instance();
    if (!trace) return entry::aerie_graph_end(context, graph);
    Turn turn(*trace);
    const int32_t status = entry::aerie_graph_end(context, graph);
    if (status == AERIE_OK) trace->write(Entry::graph_end, Arguments(Handle{context}, Made{graph}));
    turn.set_recording(false);
    return status;
}
int32_t aerie_graph_prepare(uint32_t context, uint32_t graph, uint32_t num_rows, uint32_t num_segments,
                            uint32_t num_outputs) {
    return call(Entry::graph_prepare, entry::aerie_graph_prepare, Handle{context}, Handle{graph}, Scalar{num_rows},
                Scalar{num_segments}, Scalar{num_outputs});
}
int32_t aerie_graph_launch(uint32_t context, uint32_t* ticket, uint32_t graph) {
    return call(Entry::graph_launch, entry::aerie_graph_launch, Handle{context}, MadeTicket{ticket}, Handle{graph});
}
// Others may call meanwhile: its turn is when it is over.
int32_t aerie_wait(uint32_t context, uint32_t ticket) {
    const int32_t status = entry::aerie_wait(context, ticket);
    Trace* const trace = Trace::instance();
    if (!trace || status != AERIE_OK) return status;
    const Turn turn(*trace, Turn::AtOnce{});
    trace->write(Entry::wait, Arguments(Handle{context}, Ticket{ticket}));
    return status;
}
int32_t aerie_graph_release(uint32_t context, uint32_t graph) {
    return call(Entry::graph_release, entry::aerie_graph_release, Handle{context}, Handle{graph});
}
