#pragma once

// Sums over the threads of a warp or a block, in a fixed order; for .cu files.

#include <sluice/kernels/cuda/launch.h>

namespace sluice::cuda {

/// Σ value over the 32 threads of a warp, in each of them the same bits. All threads of the warp call it.
template <class T>
__device__ T warp_sum(T value) {
  for (int distance = warp_threads / 2; distance > 0; distance /= 2)
    value += __shfl_xor_sync(whole_warp, value, distance);
  return value;
}

/// Σ value over the threads of a block, in each of them the same bits. Every thread of the block calls it, in blocks of
/// any multiple of 32 up to 1024 threads; it waits for all of them. May be called again at once.
template <class T>
__device__ T block_sum(T value) {
  __shared__ T sums[warp_threads];  // as many warps as a block can have
  const int thread = static_cast<int>(threadIdx.x), lane = thread % warp_threads;
  value = warp_sum(value);
  __syncthreads();  // the call before this one may still be reading
  if (lane == 0) sums[thread / warp_threads] = value;
  __syncthreads();
  return warp_sum(lane < static_cast<int>(blockDim.x) / warp_threads ? sums[lane] : T(0));
}

}  // namespace sluice::cuda
