#pragma once

#include <cstddef>
#include <memory>

#include <sluice/core/device.h>
#include <sluice/kernels/cuda/queue.h>

namespace sluice::cuda {

/// Pinned slots and a stream of copies beside the queue's kernels. Throws OutOfMemory or BackendError.
std::unique_ptr<Uploader> make_stream_uploader(const Queue& queue, std::size_t slot_bytes);

}  // namespace sluice::cuda
