// The op that launches the kernels of drawing, and the scratch memory in which these leave what they found.
#include "cuda/device/sampling.h"

#include "cuda/sampler.h"
#include "cuda/sampling.h"
#include "cuda/scratch.h"

namespace aerie::cuda {
namespace {

// Of a sampler's rows.
struct ScratchSizes {
    uint32_t vocab, list, num_tiles, num_chunks;

    explicit ScratchSizes(const Sampler& sampler)
        : vocab(sampler.vocab_size),
          list(std::max(sampler.max_top, 1u)),
          num_tiles((vocab + kTileTokens - 1) / kTileTokens),
          num_chunks((vocab + kChunkTokens - 1) / kChunkTokens) {}

    // Of what every row leaves, and of the tokens that are gathered of one with filters.
    size_t row_bytes() const {
        return sizeof(Filtering) + num_chunks * (sizeof(ChunkDepths) + sizeof(float)) +
               size_t(num_tiles + 1) * list * sizeof(uint64_t);
    }
    size_t gathered_bytes() const { return vocab * sizeof(uint64_t); }
    // With a quarter for what rows leave, there is room for one at least.
    size_t bytes(uint32_t num_rows) const { return num_rows * (4 * row_bytes() + gathered_bytes()); }
};

}  // namespace

size_t sampling_scratch_bytes(const Op& op) {
    const ScratchSizes sizes(*op.sampler);
    const uint32_t num_rows = std::min(op.x->capacity, op.sampler->max_outputs);
    return std::max(sizes.bytes(1), std::min(kMostScratchBytes, sizes.bytes(num_rows)));
}

void sample(const Op& op, const Launch& on) {
    const auto& sampler = *static_cast<const CudaSampler*>(op.sampler);
    const ScratchSizes sizes(sampler);
    Drawing drawing;
    drawing.rows = rows_of(op, *op.x, on);
    drawing.own_header = sampler.header();
    drawing.vocab = sizes.vocab;
    drawing.num_tiles = sizes.num_tiles;
    drawing.num_chunks = sizes.num_chunks;
    drawing.list = sizes.list;
    const uint32_t num_rows = std::min(drawing.rows.most, sampler.max_outputs);
    if (!num_rows) return;
    // Rows in groups, and of each, rows whose tokens are gathered, that the scratch memory has room for.
    const size_t room = on.scratch_bytes - std::min(on.scratch_bytes / 4, num_rows * sizes.row_bytes());
    const auto gathers = uint32_t(std::clamp<size_t>(room / sizes.gathered_bytes(), 1, num_rows));
    const size_t rest = on.scratch_bytes - gathers * sizes.gathered_bytes();
    const auto group = uint32_t(std::min<size_t>(num_rows, rest / sizes.row_bytes()));
    drawing.filterings = static_cast<Filtering*>(on.scratch);
    drawing.depths = reinterpret_cast<ChunkDepths*>(drawing.filterings + group);
    drawing.tile_keys = reinterpret_cast<uint64_t*>(drawing.depths + size_t(group) * sizes.num_chunks);
    drawing.row_keys = drawing.tile_keys + size_t(group) * sizes.num_tiles * sizes.list;
    drawing.gathered = drawing.row_keys + size_t(group) * sizes.list;
    drawing.sums = reinterpret_cast<float*>(drawing.gathered + size_t(gathers) * sizes.vocab);
    const auto run = [&](auto kernel, uint32_t rows) { expect_success(kernel(drawing, rows, on.stream), "sample"); };
    for (drawing.first_row = 0; drawing.first_row < num_rows; drawing.first_row += group) {
        drawing.logits = floats(*op.x, on) + size_t(drawing.first_row) * sizes.vocab;
        const uint32_t rows = std::min(group, num_rows - drawing.first_row);
        for (const auto kernel : {find_best, sum_chunks, draw_rows}) run(kernel, rows);
        for (drawing.first_gathered = 0; drawing.first_gathered < rows; drawing.first_gathered += gathers)
            for (const auto kernel : {gather_kept, draw_of_kept})
                run(kernel, std::min(gathers, rows - drawing.first_gathered));
        run(count_larger, rows);
    }
}

}  // namespace aerie::cuda
