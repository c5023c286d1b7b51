#include "replay_steps.h"

#include <algorithm>

#include "core/op_list.h"

namespace replay {
namespace {

std::string pair(uint32_t rows, uint32_t cols) {
    return "[" + std::to_string(rows) + ", " + std::to_string(cols) + "]";
}

}  // namespace

bool Steps::is_op(const std::string& name) {
    static const std::set<std::string> ops = {
#define OP(name) "aerie_" #name,
        AERIE_OPS(OP)
#undef OP
    };
    return ops.contains(name);
}

// Keeps what shapes and rows are found by.
void Steps::note(const std::string& name, const Record& record) {
    const auto made = [&](Rows rows, const char* kind) {
        rows.shape = std::string(kind) + " " + pair(rows.capacity, rows.cols);
        objects_[{record.handle(0), record.handle(1)}] = rows;
    };
    if (name == "aerie_tensor_create") made({"", record.scalar(2), record.scalar(3)}, "tensor");
    if (name == "aerie_tensor_load") made({"", record.scalar(5), record.scalar(6)}, "tensor");
    if (name == "aerie_weight_create") made({"", record.scalar(2), record.scalar(3)}, "weight");
    if (name == "aerie_batch_tensor")
        made({"", UINT32_MAX, record.scalar(4), record.handle(2), record.scalar(3)}, "tensor");
    if (name == "aerie_batch_write")
        batches_[{record.handle(0), record.handle(1)}] = {record.scalar(11), record.scalar(14)};
}

uint32_t Steps::rows_of(Key tensor) const {
    const auto found = objects_.find(tensor);
    if (found == objects_.end()) return 0;
    const Rows& rows = found->second;
    if (!rows.batch) return rows.capacity;
    const auto counts = batches_.find({tensor.first, rows.batch});
    if (counts == batches_.end()) return 0;
    return rows.scope == AERIE_ROWS ? counts->second.num_rows : counts->second.num_outputs;
}

// "linear of tensor [3, 64], tensor [3, 32], weight [64, 32]", outputs first.
std::string Steps::shapes(const std::string& name, const Record& record) const {
    std::string text = name.substr(strlen("aerie_")) + " of";
    for (size_t i = 1; i < record.arguments.size(); ++i) {
        if (record.arguments[i].kind != 'h') continue;
        const Key key = {record.handle(0), record.handle(i)};
        const auto found = objects_.find(key);
        if (found == objects_.end()) continue;
        const bool follows = found->second.batch != 0;
        text += (text.ends_with("of") ? " " : ", ") +
                (follows ? "tensor " + pair(rows_of(key), found->second.cols) : found->second.shape);
    }
    return text;
}

std::optional<std::string> Steps::play(const std::string& name, const Record& record) {
    if (name == "aerie_batch_temporary") {
        // As a tensor that can be read behind each op.
        Record kept = record;
        kept.arguments.push_back(record.arguments.at(4));
        kept.arguments.back().value = AERIE_F32;
        return play("aerie_batch_tensor", kept);
    }
    const std::string where = "call " + std::to_string(record.number);
    const uint32_t context = record.handle(0);
    note(name, record);
    if (name == "aerie_graph_begin") {
        recordings_[context] = {};
    } else if (name == "aerie_graph_end") {
        graphs_[{context, record.handle(1)}] = std::move(recordings_[context]);
        recordings_.erase(context);
    } else if (is_op(name) && recordings_.contains(context)) {
        recordings_[context].push_back({name, record});
    } else if (name == "aerie_graph_launch") {
        size_t index = 0;
        for (const RecordedOp& op : graphs_[{context, record.handle(2)}]) {
            const std::string op_where = where + ", op " + std::to_string(++index) + " of the graph";
            if (auto difference = play_op(op.name, op.record, op_where)) return difference;
        }
    } else if (is_op(name)) {
        return play_op(name, record, where);
    } else if (name.ends_with("_release") || name == "aerie_graph_prepare" || name == "aerie_wait") {
        // Graphs, which do not exist here, would keep what is released.
    } else if (name == "aerie_sampler_read") {
        Record last = record;
        last.arguments.at(8).value = 0;
        return play_both(name, last, where);
    } else {
        return play_both(name, record, where);
    }
    return std::nullopt;
}

std::optional<std::string> Steps::play_both(const std::string& name, const Record& record, const std::string& where) {
    std::vector<Argument> found, expected;
    const int32_t status = player_.play(name, record, found), beside_status = beside_.play(name, record, expected);
    if (status != beside_status || status != AERIE_OK) {
        const uint32_t context = player_.here(0, 'm', record.handle(0));
        return where + ": " + shapes(name, record) + " has status " + std::to_string(status) + ", expected " +
               std::to_string(beside_status) + ": " + player_.library.error(context);
    }
    for (size_t i = 0; i < found.size(); ++i) {
        if (found[i].kind != 'o') continue;
        const std::string text =
            first_difference(functions().at(name).numbers[i], found[i].buffer, expected[i].buffer, 0);
        if (!text.empty()) return where + ": " + shapes(name, record) + ": " + text;
    }
    return std::nullopt;
}

std::optional<std::string> Steps::play_op(const std::string& name, const Record& record, const std::string& where) {
    if (auto difference = play_both(name, record, where)) return difference;
    ++num_ops;
    // What the op wrote; keys and values cannot be read, and show in the attention behind.
    const uint32_t out = name == "aerie_kv_store" ? 0 : record.handle(name == "aerie_sample" ? 2 : 1);
    const Key key = {record.handle(0), out};
    const uint32_t num_rows = rows_of(key);
    if (!num_rows) return std::nullopt;
    const uint32_t cols = objects_.at(key).cols;
    std::vector<char> rows[2];
    const Player* const players[] = {&player_, &beside_};
    for (int i = 0; i < 2; ++i) {
        rows[i].resize(size_t(num_rows) * cols * sizeof(float));
        const uint32_t context = players[i]->here(0, 'm', record.handle(0));
        const int32_t status = players[i]->library.symbol<decltype(aerie_tensor_read)>("aerie_tensor_read")(
            context, reinterpret_cast<float*>(rows[i].data()), players[i]->here(record.handle(0), 'm', out), 0,
            num_rows);
        if (status) return where + ": " + shapes(name, record) + ": " + players[i]->library.error(context);
    }
    const std::string text = first_difference(Numbers::f32, rows[0], rows[1], cols);
    if (text.empty()) return std::nullopt;
    return where + ": " + shapes(name, record) + ": " + text;
}

}  // namespace replay
