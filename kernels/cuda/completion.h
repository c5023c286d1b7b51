// Which pieces of work a stream has done: an event behind each. And what is in the stream, for errors, which come to
// light at whatever call is made next.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace aerie::cuda {

// What is in a stream: an op, or a launch of several.
struct WorkName {
    const char* name = nullptr;  // lives as long as the program
    size_t num_ops = 1;

    bool operator==(const WorkName&) const = default;
};

class Completion {
  public:
    explicit Completion(cudaStream_t stream);
    ~Completion();
    Completion(const Completion&) = delete;

    // Marks the end of a piece of work; numbers grow.
    void mark(uint64_t number, WorkName what);
    // Notes work without a number that was launched behind the last mark.
    void note(WorkName what);

    // Both from any thread. Throw DeviceError if the device failed.
    void wait(uint64_t number);
    bool is_done(uint64_t number);
    // The stream was waited for: all that was marked and noted is done.
    void finish_all();
    // Names what nobody knows to be done, the oldest first; empty if there is nothing.
    std::string in_flight();

  private:
    // Pieces of work that are in the stream at most; the next one waits for the first.
    static constexpr uint32_t kMost = 64;
    struct Mark {
        cudaEvent_t event = nullptr;
        uint64_t number = 0;
        WorkName what;
    };
    struct Note {
        uint64_t after;  // number of the mark before it
        WorkName what;
    };

    // The mark of a piece of work, if it is in the stream.
    bool find(uint64_t number, Mark& mark);
    void finished(uint64_t number);

    cudaStream_t stream_;
    std::mutex mutex_;  // of all that follows
    Mark marks_[kMost];
    std::vector<Note> notes_;
    uint64_t done_ = 0, last_ = 0;  // all work up to done_ is done; last_ was marked last
};

}  // namespace aerie::cuda
