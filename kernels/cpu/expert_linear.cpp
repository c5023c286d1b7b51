// expert_linear: rows are grouped by expert, so that each expert's weights are read once for all its rows.
#include "cpu/experts.h"
#include "cpu/products.h"

namespace aerie::cpu::AERIE_ISA {
namespace {

// An expert_linear op as one thread runs it.
class ExpertLinear {
  public:
    ExpertLinear(const Op& op, const Worker& worker)
        : op_(op),
          worker_(worker),
          top_k_(top_k_of(op)),
          cols_(op.weight->cols),
          n_(op.out->cols / (op.num_parts * top_k_)),
          num_experts_(op.weight->rows / (op.num_parts * n_)),
          sorted_(sort_entries(worker.scratch->experts.data(), floats(*op.y, worker), rows_of(op, *op.out, worker),
                               top_k_, num_experts_)) {}

    void run() {
        const uint32_t num_entries = sorted_.begins[num_experts_];
        if (!num_entries) return;
        bool takes_floats = false, takes_int8 = false, takes_bf16x2 = false;
        for (const PackedPart& part : op_.packed->parts) {
            takes_int8 |= is_quantized(part.format);
            takes_bf16x2 |= is_tiled(part);
            takes_floats |= !is_quantized(part.format) && !is_tiled(part);
        }
        operands_.num_rows = num_entries;
        if (takes_int8) operands_.quantized = op_.input->layout(num_entries, cols_);
        operands_.x = reinterpret_cast<const float*>(op_.input->floats.data());
        gather(takes_floats, takes_int8, takes_bf16x2);
        worker_.barrier();
        [[maybe_unused]] const Tiles tiles(takes_bf16x2);
        uint32_t number = 0;
        for (uint32_t expert = 0; expert < num_experts_; ++expert) {
            if (sorted_.begins[expert] == sorted_.begins[expert + 1]) continue;
            for (uint32_t part = 0; part < op_.num_parts; ++part) {
                const uint32_t begin = (part * num_experts_ + expert) * n_, end = begin + n_;
                for (uint32_t row = begin; row < end;) {
                    const Panel panel = panel_of(row);
                    if (number++ % worker_.num_threads == worker_.thread) multiply(panel, expert, part, begin, end);
                    row = panel.first_row + panel.num_rows;
                }
            }
        }
    }

  private:
    const float* input(uint32_t entry) const {
        const uint32_t row = op_.x->cols == cols_ ? entry / top_k_ : entry;
        return floats(*op_.x, worker_) + size_t(row) * cols_;
    }

    // This thread's share of the inputs in the order of the entries, in the forms that the weight's kernels take.
    void gather(bool as_floats, bool as_int8, [[maybe_unused]] bool as_bf16x2) const {
        // Whole cache lines of scales.
        uint32_t first, last;
        worker_.share((operands_.num_rows + 15) / 16, first, last);
        last = std::min(last * 16, operands_.num_rows);
        for (uint32_t at = first * 16; at < last; ++at) {
            const float* const x = input(sorted_.entries[at]);
            if (as_floats)
                memcpy(op_.input->floats.data() + size_t(at) * cols_ * sizeof(float), x, cols_ * sizeof(float));
            if (as_bf16x2) to_bf16x2(bf16x2_rows(op_, at), x, cols_);
            for (uint32_t block = 0; as_int8 && block < cols_ / kBlock; ++block) {
                const float* const in = x + block * kBlock;
                quantize_block(load(in), load(in + 16), operands_.quantized, at, block);
            }
        }
    }

    // The panel that row `row` of the weight lies in.
    Panel panel_of(uint32_t row) const {
        const auto& parts = op_.packed->parts;
        const auto part = std::upper_bound(parts.begin(), parts.end(), row,
                                           [](uint32_t at, const PackedPart& each) { return at < each.first_row; }) -
                          1;
        return panel_in(*part, (row - part->first_row) / kPanelRows, cols_);
    }

    // A panel's rows `begin` .. end - 1 of the weight, of one part and expert, times the expert's entries.
    void multiply(const Panel& panel, uint32_t expert, uint32_t part, uint32_t begin, uint32_t end) const {
        const uint32_t first = sorted_.begins[expert], count = sorted_.begins[expert + 1] - first;
        const uint32_t low = std::max(begin, panel.first_row), high = std::min(end, panel.first_row + panel.num_rows);
        const Groups groups{count, most_rows(panel)};
        alignas(64) float sums[kMaxGroup * kPanelRows];
        for (uint32_t group = 0, row = 0; group < groups.count; ++group) {
            const uint32_t size = groups.size(group, row);
            dot(op_, panel, operands_, groups, group, first + row, size, sums);
            for (uint32_t i = 0; i < size; ++i, ++row) {
                const uint32_t entry = sorted_.entries[first + row], place = entry % top_k_;
                float* const out = floats(*op_.out, worker_) + size_t(entry / top_k_) * op_.out->cols +
                                   (part * top_k_ + place) * n_ + (low - begin);
                memcpy(out, sums + i * kPanelRows + (low - panel.first_row), (high - low) * sizeof(float));
            }
        }
    }

    const Op& op_;
    const Worker& worker_;
    const uint32_t top_k_, cols_, n_, num_experts_;
    const ExpertEntries sorted_;
    Operands operands_{};
};

}  // namespace

void expert_linear(const Op& op, const Worker& worker) { ExpertLinear(op, worker).run(); }

}  // namespace aerie::cpu::AERIE_ISA
