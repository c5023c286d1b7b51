#include "core/work_queue.h"

#include <utility>

#include "core/error.h"

namespace aerie {
namespace {
constexpr uint32_t kCountBits = 24, kCountMask = (1u << kCountBits) - 1;

uint32_t next_context() {
    static std::atomic<uint32_t> count{0};
    return count.fetch_add(1, std::memory_order_relaxed) % 255 + 1;
}
}  // namespace

WorkQueue::WorkQueue(Backend& backend) : backend_(backend), context_(next_context()) {}

WorkQueue::~WorkQueue() {
    try {
        backend_.wait(last_);
    } catch (const Error&) {
        // A device that failed runs nothing any more.
    }
}

uint64_t WorkQueue::push(std::vector<std::shared_ptr<Object>>& objects) {
    unfinished_.push_back({++last_, std::exchange(objects, std::move(spare_))});
    return last_;
}

void WorkQueue::retire() {
    for (; !unfinished_.empty() && backend_.is_done(unfinished_.front().number); unfinished_.pop_front()) {
        spare_ = std::move(unfinished_.front().objects);
        spare_.clear();
    }
}

uint32_t WorkQueue::issue_ticket(uint64_t number) {
    const uint64_t count = num_tickets_.load(std::memory_order_relaxed) + 1;
    numbers_[count % kNumTickets].store(number, std::memory_order_relaxed);
    num_tickets_.store(count, std::memory_order_release);
    return context_ << kCountBits | uint32_t(count & kCountMask);
}

uint64_t WorkQueue::number_of(const char* op, uint32_t ticket) const {
    const uint64_t latest = num_tickets_.load(std::memory_order_acquire), age = (latest - ticket) & kCountMask;
    if (ticket >> kCountBits != context_ || age >= kNumTickets || age >= latest)
        fail(AERIE_BAD_HANDLE, "%s: not one of the last %llu tickets of this context: %u", op,
             (unsigned long long)kNumTickets, ticket);
    return numbers_[(latest - age) % kNumTickets].load(std::memory_order_relaxed);
}

}  // namespace aerie
