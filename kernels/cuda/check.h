#pragma once

#include <string>
#include <string_view>

#include <cuda_runtime_api.h>

#include <sluice/core/device.h>
#include <sluice/core/error.h>

namespace sluice::cuda {

/// "no CUDA-capable device is detected (cudaErrorNoDevice)".
inline std::string text(cudaError_t status) {
  return std::string(cudaGetErrorString(status)) + " (" + cudaGetErrorName(status) + ")";
}

/// Throws BackendError unless `status`, the result of `call`, is success. Kernels run asynchronously: a failing one is
/// told by a later call.
inline void check(cudaError_t status, const char* call, std::string_view file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  if (status == cudaSuccess) return;
  (void)cudaGetLastError();  // the runtime would report it once more, to a call that did nothing wrong
  const std::string kernel = running_kernel();
  throw BackendError("cuda: " + std::string(call) + " failed" + (kernel.empty() ? "" : " in kernel '" + kernel + "'") +
                     "; got '" + text(status) + "'; expected success; at " +
                     std::string(file.substr(file.rfind('/') + 1)) + ":" + std::to_string(line));
}

}  // namespace sluice::cuda
