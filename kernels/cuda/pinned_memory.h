#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include <sluice/core/error.h>
#include <sluice/kernels/cuda/check.h>

namespace sluice::cuda {

/// Page-locked host memory, which kernels and copies reach at its address. Throws OutOfMemory that says what it is for.
class PinnedMemory {
 public:
  PinnedMemory(std::size_t bytes, const char* purpose) {
    const cudaError_t status = cudaHostAlloc(&data_, std::max<std::size_t>(bytes, 1), cudaHostAllocDefault);
    if (status == cudaErrorMemoryAllocation) {
      (void)cudaGetLastError();
      throw OutOfMemory("cuda: cudaHostAlloc failed; got a request of " + std::to_string(bytes) +
                        " bytes of page-locked host memory for " + purpose + "; expected room for it");
    }
    check(status, "cudaHostAlloc");
  }
  ~PinnedMemory() { (void)cudaFreeHost(data_); }
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;

  std::byte* data() const { return static_cast<std::byte*>(data_); }

 private:
  void* data_ = nullptr;
};

}  // namespace sluice::cuda
