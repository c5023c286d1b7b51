// Models of the PTX instructions that kernels use.
#pragma once
#include "sim/device.h"
#include "sim/mma.h"

namespace aerie::sim {

// mma.sync.aligned.m16n8k16.row.col.f32.<type>.<type>.f32, in place; fragments lie in lanes as PTX says.
void mma_m16n8k16(Half type, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Site site);

// ldmatrix.sync.aligned.m8n8.x<count>[.trans].shared.b16; lane i gives row i % 8 of matrix i / 8.
void load_matrices(int count, bool transposed, uint32_t* registers, const void* row, Site site);

// cp.async.<ca or cg>.shared.global; what the source does not have is zeros.
void copy_async(void* to, const void* from, int bytes, int source_bytes, Site site);
// cp.async.commit_group
void commit_copies();
// cp.async.wait_group: all groups of the calling thread but the last `pending` have arrived.
void wait_copies(int pending);

// cvt.rn.<type>.f32 and back; what is no number becomes the one that the instruction gives.
uint16_t to_half(Half type, float value);
float from_half(Half type, uint16_t bits);

}  // namespace aerie::sim
