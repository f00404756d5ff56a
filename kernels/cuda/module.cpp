#include <cstdio>
#include <exception>

#include <sluice/kernels/cuda/cuda_backend.h>

namespace sluice {

/// What libsluice calls after it opened this module: the backend of CUDA device `index`, which the caller owns, or null
/// and the reason in `why`. Declared by its one caller, core/device.cpp, which finds it by name.
extern "C" Backend* sluice_open_cuda(int index, char* why, std::size_t why_bytes);

Backend* sluice_open_cuda(int index, char* why, std::size_t why_bytes) {
  try {
    return new cuda::CudaBackend(index);
  } catch (const std::exception& error) {
    std::snprintf(why, why_bytes, "%s", error.what());
  } catch (...) {
    std::snprintf(why, why_bytes, "cuda: the device could not be opened; no reason given");
  }
  return nullptr;
}

}  // namespace sluice
