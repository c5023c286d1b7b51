// AERIE_TRACE=file: every call of the library that has an effect or a result, with its buffers, for
// tests/kernels/native/replay.cpp to play against another library.
//
// A process writes one file when it makes its first context; where the file exists it takes file.2, file.3 and so on.
// Numbers are little-endian:
//   file    "AERIETR1", u32 number of names, then the names of functions, each ended by a zero
//   record  u32 function (index of its name), u32 number of arguments, u64 bytes of the arguments, the arguments in the
//           order of aerie.h
//   argument  u8 kind, then
//           's' scalar        u64: an integer, sign-extended, or the bits of a float
//           'h' handle        u32
//           'm' made handle   u32, that the call wrote
//           'k' ticket        u32
//           't' made ticket   u32, that the call wrote
//           'i' bytes in      u64 how many, the bytes; 2^64 - 1 and nothing more: null
//           'o' bytes out     the same, as the call left them; what it did not write is zeros
// Calls that fail are left out, since they change nothing that counts; so are those whose result is another one on
// every machine (error, describe, memory, poll). aerie_file_open stands there as aerie_file_create of the file's bytes.
// Records are in the order in which the calls ran.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>

#include "abi/entries.h"

namespace aerie::trace {

// What arguments are to a trace, where their type does not say it.
struct Handle {
    uint32_t value;
    uint32_t argument() const { return value; }
};
struct Ticket {
    uint32_t value;
    uint32_t argument() const { return value; }
};
struct Made {
    uint32_t* at;
    uint32_t* argument() const { return at; }
};
struct MadeTicket {
    uint32_t* at;
    uint32_t* argument() const { return at; }
};
template <class T>
struct In {
    const T* data;
    size_t count;
    const T* argument() const { return data; }
};
template <class T>
struct Out {
    T* data;
    size_t count;
    T* argument() const { return data; }
    size_t bytes() const { return data ? count * sizeof(T) : 0; }
};
template <class T>
requires std::is_arithmetic_v<T>
struct Scalar {
    T value;
    T argument() const { return value; }
};

// The arguments of one record.
class Arguments {
  public:
    template <class... Each>
    explicit Arguments(const Each&... each) : count(sizeof...(each)) {
        (add(each), ...);
    }

    const uint32_t count;
    std::string bytes;

  private:
    template <class T>
    void append(char kind, const T& value) {
        bytes += kind;
        bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    void append(char kind, const void* data, size_t size) {
        append(kind, data ? uint64_t(size) : UINT64_MAX);
        if (data) bytes.append(static_cast<const char*>(data), size);
    }
    template <class T>
    void add(Scalar<T> scalar) {
        if constexpr (std::is_floating_point_v<T>) {
            uint32_t bits;
            memcpy(&bits, &scalar.value, sizeof bits);
            append('s', uint64_t(bits));
        } else {
            append('s', uint64_t(int64_t(scalar.value)));
        }
    }
    void add(Handle handle) { append('h', handle.value); }
    void add(Ticket ticket) { append('k', ticket.value); }
    void add(Made made) { append('m', *made.at); }
    void add(MadeTicket made) { append('t', *made.at); }
    template <class T>
    void add(In<T> in) {
        append('i', in.data, in.count * sizeof(T));
    }
    template <class T>
    void add(Out<T> out) {
        append('o', out.data, out.bytes());
    }
};

class Trace {
  public:
    // The process's, or null where AERIE_TRACE is not set.
    static Trace* instance();

    void write(Entry entry, const Arguments& arguments);

  private:
    friend class Turn;
    explicit Trace(std::string path) : path_(std::move(path)) {}
    bool open();
    void write(const std::string& bytes);

    const std::string path_;
    int file_ = -1;
    bool has_failed_ = false;
    std::mutex mutex_;                  // a call and its record, and all that follows
    std::condition_variable recorded_;  // as in Context: other threads' calls wait for the end of a recording
    std::thread::id recorder_;
};

// One call's turn, from before it runs until its record is written.
class Turn {
  public:
    explicit Turn(Trace& trace);
    // Even while another thread records.
    struct AtOnce {};
    Turn(Trace& trace, AtOnce) : trace_(trace), lock_(trace.mutex_) {}
    // The thread records a graph from here on, or no longer.
    void set_recording(bool is_recording);

  private:
    Trace& trace_;
    std::unique_lock<std::mutex> lock_;
};

}  // namespace aerie::trace
