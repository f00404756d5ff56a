#pragma once

// How kernels of our own are launched; for .cu files.

#include <algorithm>
#include <cstdint>

#include <cuda_runtime.h>

#include <sluice/kernels/cuda/check.h>
#include <sluice/kernels/cuda/cuda_backend.h>
#include <sluice/kernels/cuda/elementwise.h>

namespace sluice::cuda {

/// Launches `kernel`, whose threads stride over `items` pieces of work, with as many threads as there are items or as
/// the device runs at once.
template <class... Parameters, class... Arguments>
void launch(const Queue& queue, std::int64_t items, void (*kernel)(Parameters...), const Arguments&... arguments) {
  constexpr std::int64_t block = 256;
  const std::int64_t limit = std::max<std::int64_t>(queue.resident_threads / block, 1);
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(std::clamp<std::int64_t>((items + block - 1) / block, 1, limit)));
  config.blockDim = dim3(static_cast<unsigned>(block));
  config.stream = queue.stream;
  check(cudaSetDevice(queue.device), "cudaSetDevice");  // a property of the calling thread
  check(cudaLaunchKernelEx(&config, kernel, arguments...), "cudaLaunchKernelEx");
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
