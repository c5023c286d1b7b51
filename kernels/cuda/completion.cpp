#include "cuda/completion.h"

#include <algorithm>

#include "cuda/op.h"

namespace aerie::cuda {
namespace {

// Names in the text of an error at most.
constexpr size_t kMostNames = 4;

std::string text_of(const WorkName& what) {
    if (what.num_ops == 1) return what.name;
    return std::string(what.name) + " of " + std::to_string(what.num_ops) + " ops";
}

}  // namespace

Completion::Completion(cudaStream_t stream) : stream_(stream) {
    for (Mark& mark : marks_)
        expect_success(cudaEventCreateWithFlags(&mark.event, cudaEventDisableTiming), "context_create");
}

Completion::~Completion() {
    for (const Mark& mark : marks_) cudaEventDestroy(mark.event);
}

void Completion::mark(uint64_t number, WorkName what) {
    Mark& mark = marks_[number % kMost];
    wait(mark.number);
    std::lock_guard lock(mutex_);
    mark.number = last_ = number;
    mark.what = what;
    expect_success(cudaEventRecord(mark.event, stream_), what.name);
}

void Completion::note(WorkName what) {
    std::lock_guard lock(mutex_);
    if (notes_.empty() || notes_.back().after != last_ || notes_.back().what != what) notes_.push_back({last_, what});
}

void Completion::wait(uint64_t number) {
    Mark mark;
    if (!find(number, mark)) return;
    expect_success(cudaEventSynchronize(mark.event), mark.what.name);
    finished(number);
}

bool Completion::is_done(uint64_t number) {
    Mark mark;
    if (!find(number, mark)) return true;
    const cudaError_t error = cudaEventQuery(mark.event);
    if (error == cudaErrorNotReady) return false;
    expect_success(error, mark.what.name);
    finished(number);
    return true;
}

void Completion::finish_all() {
    std::lock_guard lock(mutex_);
    done_ = last_;
    notes_.clear();
}

std::string Completion::in_flight() {
    std::lock_guard lock(mutex_);
    std::vector<std::pair<uint64_t, WorkName>> work;
    for (const Mark& mark : marks_)
        if (mark.number > done_) work.emplace_back(2 * mark.number, mark.what);
    for (const Note& note : notes_) work.emplace_back(2 * note.after + 1, note.what);
    std::stable_sort(work.begin(), work.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::string text;
    for (size_t i = 0; i < work.size() && i < kMostNames; ++i)
        text += (i == 0 ? "" : i + 1 == work.size() ? " or " : ", ") + text_of(work[i].second);
    return work.size() > kMostNames ? text + " or later work" : text;
}

bool Completion::find(uint64_t number, Mark& mark) {
    std::lock_guard lock(mutex_);
    mark = marks_[number % kMost];
    return number > done_ && mark.number == number;
}

void Completion::finished(uint64_t number) {
    std::lock_guard lock(mutex_);
    done_ = std::max(done_, number);
    std::erase_if(notes_, [&](const Note& note) { return note.after < done_; });
}

}  // namespace aerie::cuda
