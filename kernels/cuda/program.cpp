#include "cuda/program.h"

#include <unordered_map>
#include <utility>

#include "cuda/fuse.h"

namespace aerie::cuda {

CudaProgram::CudaProgram(const Tape& tape) : ops_(tape.ops) {
    fuse(ops_);
    plan_ = plan_arena(ops_);
    for (const Tape::Limits& used : tape.limits) batches_.push_back(used.batch);
}

void CudaProgram::place(Buffer scratch, Buffer arena) {
    scratch_ = std::move(scratch);
    arena_ = std::move(arena);
    // Other programs may have the same tensors elsewhere.
    std::unordered_map<const Tensor*, Tensor*> placed;
    for (const auto& [tensor, offset] : plan_.offsets) {
        Tensor& copy = *(placed[tensor] = &temporaries_.emplace_back(*tensor));
        copy.buffer.address = static_cast<uint8_t*>(arena_.address) + offset;
    }
    for (Op& op : ops_) {
        for_tensors(op, [&](auto& tensor) {
            if (tensor->is_temporary) tensor = placed.at(tensor);
        });
    }
}

}  // namespace aerie::cuda
