// Work queue: numbers the work submitted to a backend, keeps the objects it uses until it is done, and issues tickets
// for launches.
#pragma once
#include <atomic>
#include <deque>
#include <memory>
#include <vector>

#include "core/backend.h"

namespace aerie {

class WorkQueue {
  public:
    // Launches whose tickets are valid.
    static constexpr uint64_t kNumTickets = 256;

    explicit WorkQueue(Backend& backend);
    ~WorkQueue();
    WorkQueue(const WorkQueue&) = delete;

    // Numbers the next piece of work, and takes over its objects, which live until it is done.
    uint64_t push(std::vector<std::shared_ptr<Object>>& objects);
    // Releases the objects of finished work.
    void retire();
    // Issues a ticket for the work just submitted.
    uint32_t issue_ticket(uint64_t number);
    // The number of a ticket's work, from any thread. Throws AERIE_BAD_HANDLE if the ticket is another context's or
    // older than the last kNumTickets.
    uint64_t number_of(const char* op, uint32_t ticket) const;

  private:
    struct Work {
        uint64_t number;
        std::vector<std::shared_ptr<Object>> objects;
    };
    Backend& backend_;
    const uint32_t context_;  // the upper 8 bits of all its tickets
    uint64_t last_ = 0;
    std::deque<Work> unfinished_;
    std::vector<std::shared_ptr<Object>> spare_;  // empty; its memory is used again
    std::atomic<uint64_t> num_tickets_{0};
    std::atomic<uint64_t> numbers_[kNumTickets] = {};  // by ticket
};

}  // namespace aerie
