// Backend: the interface of a device. An instance belongs to one context; calls come one at a time, except `wait` and
// `is_done`. Work runs in the order in which it was submitted, perhaps after the call; calls that read or free memory
// wait for it.
#pragma once
#include <memory>
#include <string>

#include "core/sampler.h"
#include "core/tape.h"

namespace aerie {

// A compiled tape; each backend has its own subclass.
struct Program {
    virtual ~Program() = default;
};

class Backend {
  public:
    virtual ~Backend() = default;
    virtual std::string describe() const = 0;
    virtual void set_threads(uint32_t num_threads) = 0;
    // Free and total memory of the device, in bytes.
    virtual void memory(double& free_bytes, double& total_bytes) const = 0;

    // Allocates zeroed memory. Throws AERIE_OUT_OF_MEMORY.
    virtual Buffer allocate(size_t bytes) = 0;
    // Copies from host memory, which may be overwritten once this returns.
    virtual void upload(const Buffer& to, size_t offset, const void* from, size_t bytes) = 0;
    // Copies to the host once all work that writes the buffer is done.
    virtual void download(void* to, const Buffer& from, size_t offset, size_t bytes) = 0;
    // Bytes that the blocks of a batch in device memory have room for behind their arrays.
    virtual size_t appended_bytes(uint32_t max_outputs) const = 0;
    // Takes over the current block of a batch from the host. Work that is submitted from now on reads it.
    virtual void take_block(Batch& batch) = 0;
    // Copy row or slot from[i] over to[i], one after another; the indices are the host's and in range.
    virtual void copy_rows(Tensor& tensor, const int32_t* from, const int32_t* to, uint32_t num_rows) = 0;
    virtual void copy_slots(KvPool& kv, const int32_t* from, const int32_t* to, uint32_t num_slots) = 0;
    // The type in which a tensor requested as `dtype` is stored.
    virtual aerie_dtype kept_dtype(aerie_dtype dtype, bool follows_batch) const = 0;
    // Whether `compile` gives temporary tensors their place; they are allocated like others where it does not.
    virtual bool places_temporaries() const = 0;
    // Packs weight.parts into the backend's layout, sets packed and bytes, and releases the files.
    virtual void pack(Weight& weight, aerie_dtype float_dtype) = 0;

    virtual std::shared_ptr<Sampler> make_sampler() = 0;
    // Sets the parameters of the launches from now on.
    virtual void sampler_write(Sampler& sampler, SamplerInputs inputs) = 0;
    // Copies what a piece of work drew, or the last one (0); throws AERIE_BAD_HANDLE if four others drew since.
    virtual void sampler_read(Sampler& sampler, const SamplerOutputs& outputs, uint64_t number) = 0;

    // Workers that take items of an attention plan at the same time.
    virtual uint32_t num_workers() const = 0;
    // Throws AERIE_UNSUPPORTED if there is no kernel for an op's operands.
    virtual void check(const Op& op) const = 0;
    // Runs one op on its batch as last written. `number` counts up with every piece of work.
    virtual void run(const Op& op, uint64_t number) = 0;
    virtual std::unique_ptr<Program> compile(const Tape& tape) = 0;
    // Makes a program ready for batches of at most so many rows, segments and outputs; larger ones still run.
    virtual void prepare(Program& program, uint32_t num_rows, uint32_t num_segments, uint32_t num_outputs) = 0;
    // Runs a program on its batches as last written.
    virtual void launch(Program& program, uint64_t number) = 0;
    // Blocks until a piece of work and all before it are done. Both may be called while another call runs.
    virtual void wait(uint64_t number) = 0;
    virtual bool is_done(uint64_t number) const = 0;
};

// Recorded ops behind a handle.
struct Graph : Object {
    std::vector<std::shared_ptr<Object>> objects;  // what the recorded ops use
    Tape tape;
    std::unique_ptr<Program> program;
};

// The backend on device number `index` of a kind, with this many host threads. A library holds the backend of one
// folder, which defines this. Throws AERIE_DEVICE where the device is absent or another library's.
std::unique_ptr<Backend> make_backend(int32_t device, uint32_t index, uint32_t num_threads);

}  // namespace aerie
