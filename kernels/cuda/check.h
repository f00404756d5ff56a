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

/// Whether an error is about the call that returned it: its arguments, what it asks for, a capture under way. Any other
/// may be of a kernel that was launched before, as kernels run asynchronously.
inline bool is_of_its_call(cudaError_t status) {
  switch (status) {
    case cudaErrorInvalidValue:
    case cudaErrorMemoryAllocation:
    case cudaErrorInvalidConfiguration:
    case cudaErrorInvalidDeviceFunction:
    case cudaErrorInvalidDevice:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorInvalidResourceHandle:
    case cudaErrorIllegalState:
    case cudaErrorLaunchOutOfResources:
    case cudaErrorNotSupported: return true;
    default: return status >= cudaErrorStreamCaptureUnsupported && status <= cudaErrorStreamCaptureWrongThread;
  }
}

/// " in kernel 'relu'", and that it may have been one before it.
inline std::string culprit(cudaError_t status) {
  const std::string kernel = running_kernel();
  std::string where = kernel.empty() ? "" : " in kernel '" + kernel + "'";
  if (is_of_its_call(status)) return where;
  return where + (kernel.empty() ? ", or a kernel before it" : " or one before it") +
         " (CUDA_LAUNCH_BLOCKING=1 with --no-graph tells which)";
}

/// Throws BackendError unless `status`, the result of `call`, is success.
inline void check(cudaError_t status, const char* call, std::string_view file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  if (status == cudaSuccess) return;
  (void)cudaGetLastError();  // the runtime would report it once more, to a call that did nothing wrong
  throw BackendError("cuda: " + std::string(call) + " failed" + culprit(status) + "; got '" + text(status) +
                     "'; expected success; at " + std::string(file.substr(file.rfind('/') + 1)) + ":" +
                     std::to_string(line));
}

}  // namespace sluice::cuda
