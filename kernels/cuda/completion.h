// Which pieces of work a stream has done: an event behind each.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <mutex>

namespace aerie::cuda {

class Completion {
  public:
    explicit Completion(cudaStream_t stream);
    ~Completion();
    Completion(const Completion&) = delete;

    // Marks the end of a piece of work; numbers grow. `what` names it in errors and lives as long as the program.
    void mark(uint64_t number, const char* what);

    // Both from any thread. Throw AERIE_DEVICE with the work's name if the device failed.
    void wait(uint64_t number);
    bool is_done(uint64_t number);

  private:
    // Pieces of work that are in the stream at most; the next one waits for the first.
    static constexpr uint32_t kMost = 64;
    struct Mark {
        cudaEvent_t event = nullptr;
        uint64_t number = 0;
        const char* what = nullptr;
    };

    // The mark of a piece of work, if it is in the stream.
    bool find(uint64_t number, Mark& mark);
    void finished(uint64_t number);

    cudaStream_t stream_;
    std::mutex mutex_;  // of all that follows
    Mark marks_[kMost];
    uint64_t done_ = 0;  // all work up to here is
};

}  // namespace aerie::cuda
