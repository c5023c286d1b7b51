// Access checks: what a program whose kernels are compiled for them has, and others have not.
#pragma once
#include <cstddef>
#include <string>

#include "sim/async_copy.h"
#include "sim/device.h"
#include "sim/memory.h"

namespace aerie::sim {

class Block;
struct Work;

// Where a kernel's code stands: at a call that the compiler put there, or where the source says.
struct Place {
    const void* return_address = nullptr;
    Site site = {nullptr, 0};
};

// " at file.cu:12", or nothing where no file says it.
std::string describe_place(const Place& place);

// Does nothing; what accesses are checked by derives from it.
class Checks {
  public:
    virtual ~Checks() = default;
    virtual bool is_active() const { return false; }

    virtual void allocated(Allocation&) {}
    virtual void freed(Allocation&) {}
    virtual void forget() {}

    // From now on accesses are those of this piece of work.
    virtual void begin_work(const Work&) {}
    virtual void copied(void* /*to*/, const void* /*from*/, size_t /*bytes*/) {}
    virtual void filled(void* /*to*/, size_t /*bytes*/) {}

    virtual void begin_block(Block&) {}
    // An access of the running thread.
    virtual void access(const void* /*address*/, size_t /*bytes*/, bool /*writes*/, const Place&) {}
    virtual void aligned(const void* /*address*/, size_t /*bytes*/, const Place&) {}
    virtual void atomic(const void* /*address*/, size_t /*bytes*/, const Place&) {}
    virtual void begin_async_copy(const AsyncCopy&, const Place&) {}
    virtual void end_async_copy(const AsyncCopy&) {}
};

Checks& checks();
// Called once, before any kernel runs.
void set_checks(Checks& checks);

}  // namespace aerie::sim
