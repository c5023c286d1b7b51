// Marks a function that kernels call too.
#pragma once

#if defined(__CUDACC__)
#define AERIE_HOST_DEVICE __host__ __device__
#else
#define AERIE_HOST_DEVICE
#endif
