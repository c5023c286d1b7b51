// The checks of every access of a kernel: bounds, alignment, races, reads of what nobody wrote, traffic.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/block.h"
#include "sim/checks.h"
#include "sim/symbols.h"
#include "sim/work.h"

namespace aerie::sim {

class AccessChecks : public Checks {
  public:
    bool is_active() const override { return true; }
    void allocated(Allocation& allocation) override;
    void freed(Allocation& allocation) override;
    void begin_work(const Work& work) override { work_ = &work; }
    void copied(void* to, const void* from, size_t bytes) override;
    void filled(void* to, size_t bytes) override;
    void begin_block(Block& block) override;
    void access(const void* address, size_t bytes, bool writes, const Place& place) override;
    void aligned(const void* address, size_t bytes, const Place& place) override;
    void atomic(const void* address, size_t bytes, const Place& place) override;
    void begin_async_copy(const AsyncCopy& copy, const Place& place) override;
    void end_async_copy(const AsyncCopy& copy) override;

  private:
    enum class Use { read, write, atomic, begin_copy };

    // Memory that bytes are in.
    struct Region {
        Cell* cells = nullptr;             // of the first byte; null: nothing is known of it
        size_t offset = 0;                 // of the address
        uint32_t serial = 0;               // of the block, in shared memory; 0 elsewhere
        Allocation* allocation = nullptr;  // of the device
        std::string name;                  // in shared memory
    };

    // Ends the launch if the bytes are not all in one place that a kernel may use.
    Region find(const void* address, size_t bytes, bool writes, const Place& place);
    // Whether the address is in shared memory, and where.
    bool find_shared(const char* address, size_t bytes, Region& region, const Place& place);
    void use(const void* address, size_t bytes, Use use, const Place& place);
    void check(Cell& cell, const Stamp& now, Use use, const void* address, size_t bytes, const Place& place);
    // Checks and marks the bytes of a copy or fill.
    void mark(void* address, size_t bytes, bool writes);
    bool is_ordered(const Stamp& before) const;
    Stamp stamp() const;
    // "reads 4 bytes at ... at file.cu:12"
    std::string describe(Use use, const void* address, size_t bytes, const Place& place) const;
    std::string describe(const Stamp& stamp) const;

    const Work* work_ = nullptr;
    Block* block_ = nullptr;
    const Kernel* kernel_ = nullptr;
    const Module* module_ = nullptr;
    char* static_shared_ = nullptr;  // the module's variables of a thread
    std::vector<Cell> dynamic_cells_;
    std::map<const Module*, std::vector<Cell>> static_cells_;
    Cell* module_cells_ = nullptr;
};

}  // namespace aerie::sim
