// Plays a trace on two libraries op by op, recorded graphs too, and compares what each op wrote.
#pragma once
#include <optional>
#include <set>

#include "replay_library.h"

namespace replay {

class Steps {
  public:
    Steps(const Library& library, const Library& beside) : player_(library), beside_(beside) {}

    // Plays the next record; a text once something differs.
    std::optional<std::string> play(const std::string& name, const Record& record);

    size_t num_ops = 0;  // compared so far

  private:
    using Key = std::pair<uint32_t, uint32_t>;  // context and recorded handle
    struct Rows {
        std::string shape;  // "[3, 64]", with a name in front
        uint32_t capacity = 0, cols = 0, batch = 0, scope = 0;
    };
    struct Counts {
        uint32_t num_rows = 0, num_outputs = 0;
    };
    struct RecordedOp {
        std::string name;
        Record record;
    };

    static bool is_op(const std::string& name);
    void note(const std::string& name, const Record& record);
    std::optional<std::string> play_both(const std::string& name, const Record& record, const std::string& where);
    std::optional<std::string> play_op(const std::string& name, const Record& record, const std::string& where);
    std::string shapes(const std::string& name, const Record& record) const;
    uint32_t rows_of(Key context_and_tensor) const;

    Player player_, beside_;
    std::map<Key, Rows> objects_;  // tensors, weights and pools
    std::map<Key, Counts> batches_;
    std::map<Key, std::vector<RecordedOp>> graphs_;
    std::map<uint32_t, std::vector<RecordedOp>> recordings_;  // by context
};

}  // namespace replay
