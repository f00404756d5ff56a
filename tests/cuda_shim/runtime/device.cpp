#include "device.h"

#include <cstdio>
#include <map>

#include <cuda_runtime.h>

#include "block.h"
#include "shared_memory.h"
#include "stream.h"

using namespace cuda_shim;
using Lock = std::lock_guard<std::recursive_mutex>;

namespace {

constexpr int cuda_version = 13000;
constexpr int threads_of_block = 1024;

struct Text {
  const char *name, *text;
};

Text text_of(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return {"cudaSuccess", "no error"};
    case cudaErrorInvalidValue: return {"cudaErrorInvalidValue", "invalid argument"};
    case cudaErrorMemoryAllocation: return {"cudaErrorMemoryAllocation", "out of memory"};
    case cudaErrorCudartUnloading: return {"cudaErrorCudartUnloading", "driver shutting down"};
    case cudaErrorInvalidConfiguration: return {"cudaErrorInvalidConfiguration", "invalid configuration argument"};
    case cudaErrorInsufficientDriver:
      return {"cudaErrorInsufficientDriver", "CUDA driver version is insufficient for CUDA runtime version"};
    case cudaErrorInvalidDeviceFunction: return {"cudaErrorInvalidDeviceFunction", "invalid device function"};
    case cudaErrorNoDevice: return {"cudaErrorNoDevice", "no CUDA-capable device is detected"};
    case cudaErrorInvalidDevice: return {"cudaErrorInvalidDevice", "invalid device ordinal"};
    case cudaErrorNoKernelImageForDevice:
      return {"cudaErrorNoKernelImageForDevice", "no kernel image is available for execution on the device"};
    case cudaErrorInvalidResourceHandle: return {"cudaErrorInvalidResourceHandle", "invalid resource handle"};
    case cudaErrorIllegalState:
      return {"cudaErrorIllegalState", "the operation cannot be performed in the present state"};
    case cudaErrorNotReady: return {"cudaErrorNotReady", "device not ready"};
    case cudaErrorLaunchOutOfResources:
      return {"cudaErrorLaunchOutOfResources", "too many resources requested for launch"};
    case cudaErrorLaunchFailure: return {"cudaErrorLaunchFailure", "unspecified launch failure"};
    case cudaErrorNotSupported: return {"cudaErrorNotSupported", "operation not supported"};
    case cudaErrorStreamCaptureUnsupported:
      return {"cudaErrorStreamCaptureUnsupported", "operation not permitted when stream is capturing"};
    case cudaErrorStreamCaptureInvalidated:
      return {"cudaErrorStreamCaptureInvalidated", "operation failed due to a previous error during capture"};
    case cudaErrorStreamCaptureUnmatched:
      return {"cudaErrorStreamCaptureUnmatched", "capture was not ended in the same stream as it began"};
    case cudaErrorStreamCaptureIsolation:
      return {"cudaErrorStreamCaptureIsolation", "dependency created on uncaptured work in another stream"};
    case cudaErrorCapturedEvent:
      return {"cudaErrorCapturedEvent", "operation not permitted on an event last recorded in a capturing stream"};
    case cudaErrorStreamCaptureWrongThread:
      return {"cudaErrorStreamCaptureWrongThread", "attempt to terminate a thread-local capture from another thread"};
  }
  return {"unrecognized error code", "unrecognized error code"};
}

/// Ours say what the kernel did.
std::string& told_failure() {
  static std::string text;
  return text;
}

}  // namespace

const char* cudaGetErrorName(cudaError_t error) { return text_of(error).name; }

const char* cudaGetErrorString(cudaError_t error) {
  const Lock lock(runtime().mutex);
  if (error != cudaErrorLaunchFailure || told_failure().empty()) return text_of(error).text;
  return told_failure().c_str();
}

cudaError_t cudaPeekAtLastError() {
  const Lock lock(runtime().mutex);
  return runtime().last_error;
}

cudaError_t cudaGetLastError() {
  const Lock lock(runtime().mutex);
  return std::exchange(runtime().last_error, cudaSuccess);
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = cuda_version;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) { return cudaDriverGetVersion(version); }

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : result(cudaErrorInvalidDevice); }

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return result(cudaErrorInvalidDevice);
  *properties = {};
  std::snprintf(properties->name, sizeof(properties->name), "no GPU (threads as fibers)");
  properties->totalGlobalMem = device_memory_bytes;
  properties->sharedMemPerBlock = 48 << 10;
  properties->sharedMemPerBlockOptin = 227 << 10;
  properties->reservedSharedMemPerBlock = 1 << 10;
  properties->totalConstMem = 64 << 10;
  properties->major = 9;
  properties->multiProcessorCount = multiprocessors;
  properties->maxThreadsPerMultiProcessor = threads_of_multiprocessor;
  properties->maxBlocksPerMultiProcessor = 32;
  properties->maxThreadsPerBlock = threads_of_block;
  for (int i = 0; i < 3; ++i) {
    properties->maxThreadsDim[i] = i < 2 ? threads_of_block : 64;
    properties->maxGridSize[i] = i == 0 ? 0x7FFFFFFF : 0xFFFF;
  }
  properties->warpSize = warpSize;
  properties->regsPerBlock = properties->regsPerMultiprocessor = 64 << 10;
  properties->l2CacheSize = 1 << 20;
  properties->memoryBusWidth = 64;
  properties->asyncEngineCount = 1;
  properties->cooperativeLaunch = 1;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (device != 0) return result(cudaErrorInvalidDevice);
  *value = attribute == cudaDevAttrClockRate ? 1'000'000 : 2'000'000;  // kHz
  return cudaSuccess;
}

namespace cuda_shim {

cudaError_t attributes(cudaFuncAttributes* attributes, const void*) {
  *attributes = {.binaryVersion = 90, .ptxVersion = 90, .maxThreadsPerBlock = threads_of_block, .numRegs = 32};
  return cudaSuccess;
}

cudaError_t launch(const cudaLaunchConfig_t& config, std::function<void()> thread, const void* kernel) {
  const Lock lock(runtime().mutex);
  const auto line = [](const dim3& extent) { return extent.y == 1 && extent.z == 1; };
  if (!line(config.gridDim) || !line(config.blockDim) || config.dynamicSmemBytes != 0 || config.numAttrs != 0)
    return result(cudaErrorNotSupported);
  const unsigned threads = config.blockDim.x, blocks = config.gridDim.x;
  if (blocks == 0 || blocks > 0x7FFFFFFFu || threads == 0 || threads > threads_of_block)
    return result(cudaErrorInvalidConfiguration);
  return enqueue(config.stream, [what = Launch{config.gridDim, config.blockDim, std::move(thread), kernel}] {
    const std::string failure = run(what);
    if (!failure.empty() && runtime().failure.empty())
      runtime().failure = "unspecified launch failure: " + function_name(what.kernel) + ": " + failure;
  });
}

cudaError_t failure_of_kernels() {
  if (runtime().failure.empty()) return cudaSuccess;
  told_failure() = std::exchange(runtime().failure, "");
  return result(cudaErrorLaunchFailure);
}

}  // namespace cuda_shim
