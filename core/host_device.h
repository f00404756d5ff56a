#pragma once

// The one seam between host and device compilers: functors marked so compile for both.
#ifdef __CUDACC__
#define SLUICE_HOST_DEVICE __host__ __device__
#else
#define SLUICE_HOST_DEVICE
#endif
