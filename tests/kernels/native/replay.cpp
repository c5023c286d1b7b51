// Plays traces of AERIE_TRACE against a library and compares every output bit for bit.
//   replay --library=PATH [--device=N] [--beside=PATH] [--beside-device=N] [--ops] TRACE...
// Devices are those of enum aerie_device; 1 (CUDA) and 2 (the simulator) where nothing is said. Prints a line per
// trace. Where one differs, `beside`, which is a library of the right bits, plays it too, op by op, to find the first
// op whose numbers differ; with --ops the comparison is by op from the start. Exit status 1 if anything differs, 2 if
// something cannot be read or opened.
#include <memory>

#include "replay_steps.h"

using namespace replay;

namespace {

struct Totals {
    size_t num_calls = 0, num_outputs = 0, num_bytes = 0;
};

size_t cols_of(const std::string& name, const Record& record, const std::map<uint64_t, uint32_t>& cols) {
    if (name != "aerie_tensor_read") return 0;
    const auto found = cols.find(uint64_t(record.handle(0)) << 32 | record.handle(2));
    return found == cols.end() ? 0 : found->second;
}

// Plays a trace as it was recorded; a text where something differs.
std::optional<std::string> play_straight(const std::string& path, const Library& library, Totals& totals) {
    TraceFile trace(path);
    Player player(library);
    std::map<uint64_t, uint32_t> cols;  // of tensors
    std::vector<Argument> found;
    for (Record record; trace.next(record);) {
        const std::string& name = trace.names[record.function];
        const std::string where = "call " + std::to_string(record.number) + ": " + name.substr(strlen("aerie_"));
        if (!functions().contains(name)) give_up(path + " calls " + name + ", which is not in aerie.h");
        if (name == "aerie_tensor_create" || name == "aerie_tensor_load" || name == "aerie_batch_tensor")
            cols[uint64_t(record.handle(0)) << 32 | record.handle(1)] =
                record.scalar(name == "aerie_tensor_create" ? 3
                              : name == "aerie_tensor_load" ? 6
                                                            : 4);
        const int32_t status = player.play(name, record, found);
        ++totals.num_calls;
        if (status) {
            const uint32_t context = name == "aerie_context_create" ? 0 : player.here(0, 'm', record.handle(0));
            return where + " has status " + std::to_string(status) + ": " + library.error(context);
        }
        for (size_t i = 0; i < found.size(); ++i) {
            if (found[i].kind != 'o' || found[i].is_null) continue;
            ++totals.num_outputs;
            totals.num_bytes += found[i].buffer.size();
            const std::string text = first_difference(functions().at(name).numbers[i], found[i].buffer,
                                                      record.arguments[i].buffer, cols_of(name, record, cols));
            if (!text.empty()) return where + ": " + text;
        }
    }
    return std::nullopt;
}

std::optional<std::string> play_ops(const std::string& path, const Library& library, const Library& beside,
                                    size_t& num_ops) {
    TraceFile trace(path);
    Steps steps(library, beside);
    for (Record record; trace.next(record);) {
        const auto difference = steps.play(trace.names[record.function], record);
        num_ops = steps.num_ops;
        if (difference) return difference;
    }
    return std::nullopt;
}

// Whether a trace is equal throughout, and a line that says so or what is not.
bool check(const std::string& path, const Library& library, const Library* beside, bool by_ops) {
    Totals totals;
    size_t num_ops = 0;
    const auto difference = by_ops ? std::nullopt : play_straight(path, library, totals);
    if (difference) printf("%s: differs at %s\n", path.c_str(), difference->c_str());
    if (!difference && !by_ops)
        printf("%s: equal: %zu calls, %zu outputs of %zu bytes\n", path.c_str(), totals.num_calls, totals.num_outputs,
               totals.num_bytes);
    if (!beside || (!difference && !by_ops)) return !difference;
    const auto op = play_ops(path, library, *beside, num_ops);
    if (op) printf("%s: the first op that differs is %s\n", path.c_str(), op->c_str());
    if (!op) printf("%s: no op differs by itself: %zu ops\n", path.c_str(), num_ops);
    return !difference && !op;
}

}  // namespace

int main(int count, char** arguments) {
    std::string library_path, beside_path;
    int32_t device = AERIE_CUDA, beside_device = AERIE_CUDA_SIM;
    bool by_ops = false;
    std::vector<std::string> traces;
    for (int i = 1; i < count; ++i) {
        const std::string argument = arguments[i];
        const auto value = [&](const char* name) {
            const std::string start = std::string(name) + "=";
            return argument.starts_with(start) ? std::optional(argument.substr(start.size())) : std::nullopt;
        };
        if (const auto path = value("--library"))
            library_path = *path;
        else if (const auto path = value("--beside"))
            beside_path = *path;
        else if (const auto number = value("--device"))
            device = atoi(number->c_str());
        else if (const auto number = value("--beside-device"))
            beside_device = atoi(number->c_str());
        else if (argument == "--ops")
            by_ops = true;
        else
            traces.push_back(argument);
    }
    if (library_path.empty() || traces.empty() || (by_ops && beside_path.empty()))
        give_up("replay --library=PATH [--device=N] [--beside=PATH] [--beside-device=N] [--ops] TRACE...");
    setvbuf(stdout, nullptr, _IOLBF, 0);
    const Library library(library_path, device);
    const auto beside = beside_path.empty() ? nullptr : std::make_unique<Library>(beside_path, beside_device);
    bool all_equal = true;
    for (const std::string& trace : traces) all_equal &= check(trace, library, beside.get(), by_ops);
    return all_equal ? 0 : 1;
}
