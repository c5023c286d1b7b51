// aerie_batch_* of aerie.h, but for its tensors.
#include "abi/context.h"
#include "core/sizes.h"

using namespace aerie;

namespace {
constexpr uint32_t kMaxCount = 1u << 24;

void expect_array(const void* array, size_t count, const char* name) {
    if (!array && count) fail(AERIE_BAD_ARGUMENT, "batch_write: %s is null", name);
}

void expect_arrays(const BatchArrays& arrays) {
    const uint32_t num_rows = arrays.num_rows, num_segments = arrays.num_segments;
    expect_array(arrays.tokens, num_rows, "tokens");
    expect_array(arrays.positions, num_rows, "positions");
    expect_array(arrays.slots, num_rows, "slots");
    expect_array(arrays.visible, num_rows, "visible");
    expect_array(arrays.tree_masks, num_rows, "tree_masks");
    expect_array(arrays.segment_starts, size_t(num_segments) + 1, "segment_starts");
    expect_array(arrays.page_table, size_t(num_segments) * arrays.pages_per_segment, "page_table");
    expect_array(arrays.outputs, arrays.num_outputs, "outputs");
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
        checked_bytes("batch_create", {max_segments, max_pages, sizeof(int32_t)});
        const size_t bytes = block_bytes({max_rows, max_segments, max_pages, max_outputs, max_rows});
        const Buffer device = context.backend->allocate(bytes + context.backend->appended_bytes(max_outputs));
        for (BatchBlock& block : batch->blocks) {
            block.host.reset(new uint8_t[bytes]);
            block.device = device;
        }
        *out = context.objects.add(std::move(batch));
    });
}

int32_t aerie_batch_write(uint32_t handle, uint32_t batch_handle, const int32_t* tokens, const int32_t* positions,
                          const int32_t* slots, const int32_t* visible, const uint64_t* tree_masks,
                          const int32_t* segment_starts, const int32_t* page_table, const int32_t* outputs,
                          const int32_t* sources, uint32_t num_rows, uint32_t num_segments, uint32_t pages_per_segment,
                          uint32_t num_outputs) {
    return guard(handle, [&](Context& context) {
        Batch& batch = context.use<Batch>(batch_handle, "batch_write", "batch");
        if (num_rows > batch.max_rows || num_segments > batch.max_segments || pages_per_segment > batch.max_pages ||
            num_outputs > batch.max_outputs)
            fail(AERIE_BAD_SHAPE, "batch_write: %u rows, %u segments, %u pages, %u outputs exceed %u, %u, %u, %u",
                 num_rows, num_segments, pages_per_segment, num_outputs, batch.max_rows, batch.max_segments,
                 batch.max_pages, batch.max_outputs);
        const uint32_t next = (batch.current + 1) % Batch::kNumBlocks;
        BatchBlock& block = batch.blocks[next];
        context.backend->wait(block.last_use);
        batch.current = next;
        const BatchCounts counts = {num_rows, num_segments, pages_per_segment, num_outputs, sources ? num_rows : 0};
        const BatchArrays arrays = {counts,     tokens,         positions,  slots,   visible,
                                    tree_masks, segment_starts, page_table, outputs, sources};
        try {
            expect_arrays(arrays);
            check_arrays(arrays);
            check_limits("batch_write", arrays, batch.limits);
        } catch (const Error&) {
            // Nothing runs.
            const int32_t no_rows = 0;
            BatchArrays none;
            none.segment_starts = &no_rows;
            write_block(block.host.get(), none);
            block.counts = none;
            context.backend->take_block(batch);
            throw;
        }
        write_block(block.host.get(), arrays);
        block.counts = counts;
        block.checked = batch.limits;
        context.backend->take_block(batch);
    });
}

int32_t aerie_batch_release(uint32_t handle, uint32_t batch) {
    return guard<CleanupCall>(handle, [&](Context& context) { context.release<Batch>(batch, "batch_release"); });
}
