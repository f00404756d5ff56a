#pragma once

// How kernels of our own are launched; for .cu files.

#include <algorithm>
#include <cstdint>

#include <cuda_runtime.h>

#include <sluice/kernels/cuda/check.h>
#include <sluice/kernels/cuda/elementwise.h>
#include <sluice/kernels/cuda/queue.h>

namespace sluice::cuda {

inline constexpr int block_threads = 256;  ///< of a block, where a kernel has no reason for another number
inline constexpr int warp_threads = 32;
inline constexpr unsigned whole_warp = 0xFFFFFFFFu;

/// Launches `kernel` with `blocks` blocks of `threads` threads; for kernels whose threads work together.
template <class... Parameters, class... Arguments>
void launch_blocks(const Queue& queue, std::int64_t blocks, int threads, void (*kernel)(Parameters...),
                   const Arguments&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.stream = queue.stream;
  check(cudaSetDevice(queue.device), "cudaSetDevice");  // a property of the calling thread
  check(cudaLaunchKernelEx(&config, kernel, arguments...), "cudaLaunchKernelEx");
}

/// Blocks that cover `items` pieces of work, a thread each, or as many as the device runs at once.
inline std::int64_t blocks_for(const Queue& queue, std::int64_t items) {
  const std::int64_t limit = std::max(queue.resident_threads / block_threads, 1);
  return std::clamp<std::int64_t>((items + block_threads - 1) / block_threads, 1, limit);
}

/// Launches `kernel`, whose threads stride over `items` pieces of work.
template <class... Parameters, class... Arguments>
void launch(const Queue& queue, std::int64_t items, void (*kernel)(Parameters...), const Arguments&... arguments) {
  launch_blocks(queue, blocks_for(queue, items), block_threads, kernel, arguments...);
}

template <int width, class F, class T, class... X>
__global__ void map_kernel(std::int64_t count, F f, T* y, const X*... x) {
  const std::int64_t block = blockDim.x;
  map_elements<width>(blockIdx.x * block + threadIdx.x, gridDim.x * block, count, f, y, x...);
}

/// y[i] = f(x[i]...) for 0 <= i < count; y may be one of x. In 16-byte accesses of y where every pointer allows it.
template <class F, class T, class... X>
void map(const Queue& queue, std::int64_t count, F f, T* y, const X*... x) {
  constexpr int width = 16 / sizeof(T);
  const auto aligned = [](const auto* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer) % (sizeof(*pointer) * width) == 0;
  };
  if (aligned(y) && (aligned(x) && ...))
    launch(queue, count / width, map_kernel<width, F, T, X...>, count, f, y, x...);
  else
    launch(queue, count, map_kernel<1, F, T, X...>, count, f, y, x...);
}

}  // namespace sluice::cuda
