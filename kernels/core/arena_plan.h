// The plan of an arena: where temporary tensors of a tape lie, so that those which never hold something at the same
// time share memory.
#pragma once
#include <cstddef>
#include <span>
#include <unordered_map>

#include "core/op.h"

namespace aerie {

struct ArenaPlan {
    // Places begin at multiples of this.
    static constexpr size_t kAlignment = 256;

    std::unordered_map<const Tensor*, size_t> offsets;  // of every temporary tensor
    size_t bytes = 0;
};

// Plans the arena of ops that run in this order. A tensor holds something from the op that writes it, unless that op
// also reads it, to the last that reads it before it is written anew; ops of one slice number are one, since they run
// again and again. Every temporary tensor is written before it is read (Tape::check_temporaries).
ArenaPlan plan_arena(std::span<const Op> ops);

}  // namespace aerie
