// Memory of the host.
#pragma once
#include <cstddef>
#include <cstdint>

namespace aerie::cpu {

// Zeroed memory from mmap: 2 MiB-aligned with huge pages when large, so untouched parts cost nothing.
class Memory {
  public:
    Memory() = default;
    explicit Memory(size_t bytes);
    Memory(Memory&& other) noexcept;
    Memory& operator=(Memory&& other) noexcept;
    ~Memory();
    uint8_t* data() const { return data_; }
    size_t bytes() const { return bytes_; }

  private:
    uint8_t* data_ = nullptr;
    size_t bytes_ = 0, mapped_bytes_ = 0;
    void* mapped_ = nullptr;
};

}  // namespace aerie::cpu
