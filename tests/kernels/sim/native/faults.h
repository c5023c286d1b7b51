// Kernels with one fault each, with what launches them.
#pragma once
#include <cuda_runtime.h>

// Blocks of 64 threads. `wrong` turns the fault on.
cudaError_t launch_early_exit(bool wrong, int* out);
cudaError_t launch_two_barriers(bool wrong, int* out);
cudaError_t launch_barrier_in_branch(bool wrong, int* out);
cudaError_t launch_half_shuffle(bool wrong, int* out);
cudaError_t launch_outside_mask(bool wrong, int* out);
cudaError_t launch_source_outside_mask(bool wrong, int* out);
cudaError_t launch_active_mask(int* out);
cudaError_t launch_neighbour(bool wrong, int* out);
cudaError_t launch_overwrite(bool wrong, int* out);
cudaError_t launch_lockstep(bool wrong, int* out);
cudaError_t launch_blocks_share(bool wrong, int* out);
cudaError_t launch_half_words(bool wrong, unsigned short* out);
cudaError_t launch_atomic_and_plain(bool wrong, int* out);
cudaError_t launch_unwritten_shared(bool wrong, int* out);
cudaError_t launch_copy(const int* x, int* out, int count, cudaStream_t stream = nullptr);
cudaError_t launch_shared_index(int index, int* out);
cudaError_t launch_dynamic_index(int index, int* out);
cudaError_t launch_table(int index, int* out);
cudaError_t launch_vector_read(const unsigned char* x, int* out);
cudaError_t launch_vector_write(unsigned char* out);
cudaError_t launch_late_copy(bool wrong, const int* x, int* out);
cudaError_t launch_no_wait(bool wrong, const int* x, int* out);
cudaError_t launch_deep(bool wrong, int* out);
