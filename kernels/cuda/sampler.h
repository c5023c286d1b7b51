// A sampler's memory: the parameters of the next draw, on the host and on the device, and a ring of pinned memory with
// the results of the last draws.
#pragma once
#include <span>
#include <vector>

#include "core/sampler.h"
#include "cuda/completion.h"
#include "cuda/draw_layout.h"
#include "cuda/memory.h"
#include "cuda/pinned.h"

namespace aerie::cuda {

class CudaSampler final : public Sampler {
  public:
    CudaSampler();
    // Allocates what kernels find at the same address in every launch. To be called before the first.
    void reserve(DeviceMemory& memory);
    // Sets the parameters of launches from now on.
    void write(SamplerInputs inputs);
    // Begins the draw of piece of work `number` from `num_outputs` rows of logits, before it is submitted: takes over
    // the parameters and forgets the fourth last draw. What one piece of work draws twice is one draw, whose later
    // results stay.
    void begin_draw(uint64_t number, uint32_t num_outputs, DeviceMemory& memory);
    // Submits the copy of the results, behind the kernels.
    void end_draw(cudaStream_t stream);
    // Copies the first rows of what a piece of work drew, and all its queries; 0: of the last one that drew. Throws
    // AERIE_BAD_HANDLE if it is not among the last four.
    void read(const SamplerOutputs& outputs, uint64_t number, Completion& completion);

    // Where kernels find what they are told, if nothing newer was appended to the batch's block.
    const DrawHeader* header() const { return static_cast<const DrawHeader*>(inputs_.address); }
    // Of the parameters: different in every sampler and behind every write.
    uint64_t version() const { return version_; }
    // Header and parameters in one piece, for memory of the device at `address`. Behind begin_draw.
    std::span<const uint8_t> inputs_at(const void* address);
    // Copies them to the sampler's own memory, unless they are there.
    void copy_inputs(DeviceMemory& memory);
    // Copies the masks, unless they are there. Behind begin_draw.
    void copy_masks(DeviceMemory& memory);

  private:
    struct Inputs {
        std::vector<aerie_sampling_row> rows;
        std::vector<aerie_logit_change> changes;
        std::vector<int32_t> queries;
        uint32_t num_top = 0;
    };
    struct Draw {
        uint64_t number = 0;  // 0: none, or none that was submitted whole
        Inputs inputs;
        uint32_t num_drawn = 0;  // rows from the first on
        Pinned results;
    };

    const Draw& draw_of(uint64_t number) const;

    Inputs next_;
    std::vector<uint32_t> masks_;            // of next_; once copied, none
    uint64_t version_, copied_version_ = 0;  // of next_, and of what its own memory has
    Buffer inputs_, more_inputs_, results_, device_masks_;
    std::vector<uint8_t> block_;  // what is uploaded
    Draw draws_[kNumDraws];
    uint32_t last_ = 0;
    uint64_t drawing_ = 0;  // the piece of work between begin_draw and end_draw
};

}  // namespace aerie::cuda
