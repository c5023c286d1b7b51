// Handles: u32 = slot (low 20 bits, from 1) and generation (high 12 bits). Tables are locked.
#pragma once
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/error.h"

namespace aerie {

template <class T>
class HandleTable {
  public:
    uint32_t add(std::shared_ptr<T> object) {
        std::lock_guard lock(mutex_);
        uint32_t slot;
        if (free_.empty()) {
            slot = uint32_t(entries_.size());
            if (slot >= kSlotMask) fail(AERIE_OUT_OF_MEMORY, "handles: all %u slots are taken", kSlotMask);
            entries_.emplace_back();
        } else {
            slot = free_.back();
            free_.pop_back();
        }
        entries_[slot].object = std::move(object);
        return (entries_[slot].generation << kSlotBits) | (slot + 1);
    }

    std::shared_ptr<T> get(uint32_t handle) {
        std::lock_guard lock(mutex_);
        Entry* entry = find(handle);
        return entry ? entry->object : nullptr;
    }

    std::shared_ptr<T> remove(uint32_t handle) {
        std::lock_guard lock(mutex_);
        Entry* entry = find(handle);
        if (!entry) return nullptr;
        entry->generation = (entry->generation + 1) & kGenerationMask;
        free_.push_back((handle & kSlotMask) - 1);
        return std::exchange(entry->object, nullptr);
    }

  private:
    static constexpr uint32_t kSlotBits = 20, kSlotMask = (1u << kSlotBits) - 1, kGenerationMask = (1u << 12) - 1;
    struct Entry {
        std::shared_ptr<T> object;
        uint32_t generation = 0;
    };

    Entry* find(uint32_t handle) {
        const uint32_t slot = (handle & kSlotMask) - 1;
        if (!(handle & kSlotMask) || slot >= entries_.size()) return nullptr;
        Entry& entry = entries_[slot];
        return entry.object && entry.generation == handle >> kSlotBits ? &entry : nullptr;
    }

    std::mutex mutex_;
    std::vector<Entry> entries_;
    std::vector<uint32_t> free_;
};

}  // namespace aerie
