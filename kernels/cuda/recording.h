#pragma once

#include <functional>
#include <memory>

#include <sluice/core/device.h>
#include <sluice/kernels/cuda/queue.h>

namespace sluice::cuda {

/// What `enqueue` puts on the queue, as an instantiated CUDA graph. Throws BackendError naming the call that failed.
std::unique_ptr<Recording> record_graph(const Queue& queue, const std::function<void()>& enqueue);

}  // namespace sluice::cuda
