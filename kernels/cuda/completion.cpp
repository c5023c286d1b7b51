#include "cuda/completion.h"

#include <algorithm>

#include "cuda/op.h"

namespace aerie::cuda {

Completion::Completion(cudaStream_t stream) : stream_(stream) {
    for (Mark& mark : marks_)
        expect_success(cudaEventCreateWithFlags(&mark.event, cudaEventDisableTiming), "context_create");
}

Completion::~Completion() {
    for (const Mark& mark : marks_) cudaEventDestroy(mark.event);
}

void Completion::mark(uint64_t number, const char* what) {
    Mark& mark = marks_[number % kMost];
    wait(mark.number);
    std::lock_guard lock(mutex_);
    mark.number = number;
    mark.what = what;
    expect_success(cudaEventRecord(mark.event, stream_), what);
}

void Completion::wait(uint64_t number) {
    Mark mark;
    if (!find(number, mark)) return;
    expect_success(cudaEventSynchronize(mark.event), mark.what);
    finished(number);
}

bool Completion::is_done(uint64_t number) {
    Mark mark;
    if (!find(number, mark)) return true;
    const cudaError_t error = cudaEventQuery(mark.event);
    if (error == cudaErrorNotReady) return false;
    expect_success(error, mark.what);
    finished(number);
    return true;
}

bool Completion::find(uint64_t number, Mark& mark) {
    std::lock_guard lock(mutex_);
    mark = marks_[number % kMost];
    return number > done_ && mark.number == number;
}

void Completion::finished(uint64_t number) {
    std::lock_guard lock(mutex_);
    done_ = std::max(done_, number);
}

}  // namespace aerie::cuda
