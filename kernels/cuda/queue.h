#pragma once

#include <cuda_runtime_api.h>

namespace sluice {
class LoweringContext;
}

namespace sluice::cuda {

/// Where kernels of a device go.
struct Queue {
  int device = 0;
  cudaStream_t stream = nullptr;
  int resident_threads = 0;  ///< how many the device runs at once; more blocks than that only wait
};

/// The queue of the device that a kernel is lowered for.
const Queue& queue(const LoweringContext& context);

}  // namespace sluice::cuda
