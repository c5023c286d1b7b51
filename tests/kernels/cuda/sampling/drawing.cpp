#include "drawing.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "cuda/sampling.h"
#include "cuda/stream.h"
#include "sim/report.h"

namespace aerie::cuda {

const uint8_t* device_block(const Batch& batch) { return static_cast<const uint8_t*>(batch.block().device.address); }

}  // namespace aerie::cuda

namespace {

uint64_t bytes_read = 0;

uint64_t random_bits(uint64_t& state) {
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

double random_unit(uint64_t& state) { return double(random_bits(state) >> 11) * 0x1p-53; }

uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// Parameters of all rows, one after another.
struct AllInputs {
    std::vector<aerie_sampling_row> rows;
    std::vector<aerie_logit_change> changes;
    std::vector<int32_t> queries;
    std::vector<uint32_t> masks;

    explicit AllInputs(const std::vector<DrawnRow>& from) {
        for (const DrawnRow& row : from) {
            rows.push_back(row.with);
            rows.back().first_change = uint32_t(changes.size());
            rows.back().num_changes = uint32_t(row.changes.size());
            rows.back().first_query = uint32_t(queries.size());
            rows.back().num_queries = uint32_t(row.queries.size());
            changes.insert(changes.end(), row.changes.begin(), row.changes.end());
            queries.insert(queries.end(), row.queries.begin(), row.queries.end());
            rows.back().mask = row.mask.empty() ? -1 : int32_t(masks.size() / row.mask.size());
            masks.insert(masks.end(), row.mask.begin(), row.mask.end());
        }
    }
    SamplerInputs view() const {
        return {rows.data(),           changes.data(),           queries.data(),
                uint32_t(rows.size()), uint32_t(changes.size()), uint32_t(queries.size()), masks};
    }
};

std::shared_ptr<Batch> batch_of_outputs(uint32_t count, cuda::DeviceMemory& memory) {
    auto batch = std::make_shared<Batch>();
    batch->max_outputs = count;
    BatchCounts counts;
    counts.num_outputs = count;
    batch->block().counts = counts;
    batch->block().device = memory.allocate(sizeof counts);
    memory.upload(batch->block().device, 0, &counts, sizeof counts);
    return batch;
}

std::vector<DrawnResult> read(cuda::CudaSampler& sampler, cuda::Completion& completion, const AllInputs& inputs) {
    const size_t count = inputs.rows.size(), max_top = sampler.max_top;
    std::vector<int32_t> tokens(count), ranks(count), top_tokens(count * max_top);
    std::vector<float> logprobs(count), top_logprobs(count * max_top), queried(inputs.queries.size());
    sampler.read({uint32_t(count), uint32_t(queried.size()), tokens.data(), logprobs.data(), top_tokens.data(),
                  top_logprobs.data(), ranks.data(), queried.data()},
                 1, completion);
    std::vector<DrawnResult> results;
    for (size_t row = 0; row < count; ++row) {
        DrawnResult result{tokens[row], ranks[row], bits_of(logprobs[row]), {}, {}, {}, {}};
        for (size_t i = row * max_top; i < (row + 1) * max_top; ++i) {
            result.top_tokens.push_back(top_tokens[i]);
            result.top_logprobs.push_back(bits_of(top_logprobs[i]));
        }
        for (uint32_t i = 0; i < inputs.rows[row].num_queries; ++i)
            result.queried.push_back(bits_of(queried[inputs.rows[row].first_query + i]));
        results.push_back(result);
    }
    return results;
}

std::vector<DrawnResult> draw_on_device(const DrawSetup& setup, const std::vector<DrawnRow>& rows) {
    const auto count = uint32_t(rows.size()), vocab = uint32_t(rows[0].logits.size());
    const cuda::Gpu gpu(0);
    const cuda::Stream stream;
    cuda::DeviceMemory memory(gpu, stream);
    cuda::Completion completion(stream);
    cuda::CudaSampler sampler;
    sampler.max_outputs = count + setup.more_rows;
    sampler.vocab_size = vocab;
    sampler.max_top = setup.max_top;
    const AllInputs inputs(rows);
    const uint32_t num_outputs = std::min(setup.num_outputs, count);

    Tensor logits;
    logits.cols = vocab;
    logits.capacity = count + setup.more_rows;
    logits.scope = AERIE_OUTPUTS;
    if (setup.in_batch) logits.batch = batch_of_outputs(num_outputs, memory);
    std::vector<float> values;
    for (const DrawnRow& row : rows) values.insert(values.end(), row.logits.begin(), row.logits.end());
    // Rows past the outputs are never written.
    logits.buffer = memory.allocate_unwritten(size_t(logits.capacity) * vocab * sizeof(float));
    memory.upload(logits.buffer, 0, values.data(), (setup.in_batch ? num_outputs : count) * vocab * sizeof(float));

    const Op op{.kind = OpKind::sample, .out = &logits, .x = &logits, .sampler = &sampler, .slice = setup.in_slices};
    const size_t whole = cuda::sampling_scratch_bytes(op), row = whole / logits.capacity;
    const Buffer scratch = memory.allocate_unwritten(std::min(whole, row * setup.scratch_rows));
    cuda::Launch launch{.stream = stream, .max_outputs = num_outputs + setup.more_rows, .scratch = scratch.address,
                        .scratch_bytes = scratch.bytes};
    sampler.write(inputs.view());
    sampler.begin_draw(1, num_outputs, memory);
    sampler.copy_inputs(memory);
    sampler.copy_masks(memory);
    const uint32_t step = setup.in_slices ? kSliceOutputs : launch.max_outputs;
    for (; launch.first_output < launch.max_outputs; launch.first_output += step) cuda::sample(op, launch);
    sampler.end_draw(stream);
    completion.mark(1, {"sample"});
    std::vector<DrawnResult> results = read(sampler, completion, inputs);
    for (const sim::Traffic& each : sim::traffic())
        if (each.memory == logits.buffer.address) bytes_read = each.bytes_read;
    memory.download(values.data(), logits.buffer, 0, size_t(num_outputs) * vocab * sizeof(float));
    for (size_t i = 0; i < size_t(num_outputs) * vocab; ++i) results[i / vocab].logits.push_back(bits_of(values[i]));
    return results;
}

}  // namespace

DrawnRow::DrawnRow(std::vector<float> row) : logits(std::move(row)) {
    with.top_p = with.repetition = 1;
    with.target = with.num_top = with.mask = -1;
}

std::vector<DrawnResult> draw(const DrawSetup& setup, const std::vector<DrawnRow>& rows) {
    sim::forget();
    try {
        return draw_on_device(setup, rows);
    } catch (const Error& error) {
        fprintf(stderr, "%s\n", error.what());
        for (const auto& finding : sim::findings()) fprintf(stderr, "%s\n", finding.text.c_str());
        exit(1);
    }
}

uint64_t logit_bytes_read() { return bytes_read; }

std::vector<float> random_logits(uint32_t vocab, uint64_t seed) {
    std::vector<float> logits(vocab);
    for (float& logit : logits) logit = float(16 * random_unit(seed) - 8);
    return logits;
}

DrawnRow random_row(uint32_t vocab, uint64_t seed) {
    DrawnRow row(random_logits(vocab, seed));
    const auto sometimes = [&](auto value, auto other) { return random_unit(seed) < 0.4 ? value : other; };
    const auto token = [&] { return int32_t(random_bits(seed) % vocab); };
    row.with.temperature = sometimes(0.0f, float(0.2 + 2 * random_unit(seed)));
    row.with.top_k = sometimes(1 + token(), 0);
    row.with.top_p = sometimes(0.8f, 1.0f);
    row.with.min_p = sometimes(0.05f, 0.0f);
    row.with.repetition = 1.5f;
    row.with.frequency = 0.5f;
    row.with.presence = 0.25f;
    row.with.target = sometimes(token(), -1);
    row.with.num_top = std::min(int32_t(random_bits(seed) % 6) - 1, int32_t(std::min(vocab, 4u)));
    row.with.seed_low = uint32_t(random_bits(seed));
    row.with.position = int32_t(random_bits(seed) % 5000);
    row.with.flags = sometimes(AERIE_REPORT_RANK, 0);
    for (uint64_t i = random_bits(seed) % 300; i > 0; --i)
        row.changes.push_back({token() / 2, int32_t(i % 3), int32_t(i % 2), float(random_unit(seed))});
    for (uint64_t i = random_bits(seed) % 4; i > 0; --i) row.queries.push_back(token());
    // Dense, sparse, or of one token.
    const uint64_t kind = random_bits(seed) % 5;
    if (kind < 3) row.mask.assign((vocab + 31) / 32, 0);
    for (uint32_t& word : row.mask)
        if (kind < 2) word = uint32_t(random_bits(seed)) & (kind ? ~0u : uint32_t(random_bits(seed) & random_bits(seed)));
    if (const auto one = uint32_t(token()); kind < 3) row.mask[one / 32] |= 1u << one % 32;
    return row;
}
