// Memory of a device.
#pragma once
#include <cstddef>
#include <memory>

namespace aerie {

// A backend's allocation, zeroed when it was made. Only that backend may follow `address`.
struct Buffer {
    void* address = nullptr;
    size_t bytes = 0;
    std::shared_ptr<void> owner;  // frees it
};

}  // namespace aerie
