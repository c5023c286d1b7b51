// A trace of AERIE_TRACE, record by record; kernels/abi/trace.h has its format.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace replay {

[[noreturn]] inline void give_up(const std::string& text) {
    fprintf(stderr, "%s\n", text.c_str());
    exit(2);
}

struct Argument {
    char kind = 0;             // as in the file
    bool is_null = false;      // of 'i' and 'o'
    uint64_t value = 0;        // of the others
    std::vector<char> buffer;  // of 'i' and 'o'; aligned, as the library may expect
};

struct Record {
    size_t number = 0;  // from 1
    uint32_t function = 0;
    std::vector<Argument> arguments;

    uint32_t handle(size_t i) const { return uint32_t(arguments.at(i).value); }
    uint32_t scalar(size_t i) const { return uint32_t(arguments.at(i).value); }
};

class TraceFile {
  public:
    explicit TraceFile(const std::string& path) : path_(path), file_(fopen(path.c_str(), "rb")) {
        char magic[8];
        if (!file_) give_up("Cannot open " + path);
        take(magic, sizeof magic);
        if (memcmp(magic, "AERIETR1", sizeof magic)) give_up("Cannot read " + path + ": not a trace");
        names.resize(take<uint32_t>());
        for (std::string& name : names)
            while (const char letter = take<char>()) name += letter;
    }
    ~TraceFile() { fclose(file_); }
    TraceFile(const TraceFile&) = delete;

    // False at the end.
    bool next(Record& record) {
        const int first = fgetc(file_);
        if (first == EOF) return false;
        ungetc(first, file_);
        record.function = take<uint32_t>();
        record.arguments.assign(take<uint32_t>(), {});
        ++record.number;
        take<uint64_t>();
        if (record.function >= names.size()) give_up("Cannot read " + path_ + ": damaged");
        for (Argument& argument : record.arguments) {
            argument.kind = take<char>();
            if (argument.kind == 's') {
                argument.value = take<uint64_t>();
            } else if (strchr("hmkt", argument.kind)) {
                argument.value = take<uint32_t>();
            } else if (strchr("io", argument.kind)) {
                const uint64_t bytes = take<uint64_t>();
                argument.is_null = bytes == UINT64_MAX;
                argument.buffer.resize(argument.is_null ? 0 : bytes);
                take(argument.buffer.data(), argument.buffer.size());
            } else {
                give_up("Cannot read " + path_ + ": damaged");
            }
        }
        return true;
    }

    std::vector<std::string> names;  // of functions

  private:
    void take(void* to, size_t bytes) {
        if (bytes && fread(to, 1, bytes, file_) != bytes) give_up("Cannot read " + path_ + ": cut off");
    }
    template <class T>
    T take() {
        T value;
        take(&value, sizeof value);
        return value;
    }

    const std::string path_;
    FILE* const file_;
};

}  // namespace replay
