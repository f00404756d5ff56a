#pragma once

#include <functional>
#include <string>

#include <cuda_runtime.h>

namespace cuda_shim {

struct Launch {
  dim3 grid, block;
  std::function<void()> thread;
  const void* kernel = nullptr;
};

/// Runs a kernel: its blocks one after the other, the threads of a block as fibers, both in the policy's order. Shared
/// memory holds NaN when a block begins. A thread that waits at a barrier lets others run.
///
/// Returns what the kernel did that CUDA leaves undefined, or "": threads of a block that never meet at a barrier,
/// lanes that never meet at a warp operation, a shuffle from a lane that takes no part.
std::string run(const Launch& launch);

}  // namespace cuda_shim
