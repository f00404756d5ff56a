#pragma once

// Where a thread is in a grid-stride loop: for (i = grid_thread(); i < count; i += grid_threads()). For .cu files.

#include <cstdint>

#include <cuda_runtime.h>

namespace sluice::cuda {

__device__ inline std::int64_t grid_thread() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline std::int64_t grid_threads() { return static_cast<std::int64_t>(gridDim.x) * blockDim.x; }

}  // namespace sluice::cuda
