#include <cstdio>
#include <exception>
#include <memory>

#include <sluice/kernels/cublas/gemm.h>
#include <sluice/kernels/cuda/cuda_backend.h>
#include <sluice/kernels/cudnn/library.h>

namespace sluice {

// What libsluice calls after it opened this module: a backend that the caller owns, or null and the reason in `why`.
// Declared by their one caller, core/open_cuda.cpp, which finds them by name.

/// CUDA device `index`.
extern "C" Backend* sluice_open_cuda(int index, char* why, std::size_t why_bytes);
/// The GPU that a file describes.
extern "C" Backend* sluice_plan_cuda(const char* properties_file, char* why, std::size_t why_bytes);

namespace {

template <class Open>
Backend* open_or_say_why(char* why, std::size_t why_bytes, Open open) {
  try {
    cudnn::require_library();
    std::unique_ptr<cuda::CudaBackend> backend = open();
    cudnn::require_device(backend->properties());
    return backend.release();
  } catch (const std::exception& error) {
    std::snprintf(why, why_bytes, "%s", error.what());
  } catch (...) {
    std::snprintf(why, why_bytes, "cuda: the device could not be opened; no reason given");
  }
  return nullptr;
}

}  // namespace

Backend* sluice_open_cuda(int index, char* why, std::size_t why_bytes) {
  return open_or_say_why(why, why_bytes, [&] {
    auto backend = std::make_unique<cuda::CudaBackend>(index);
    backend->add_warm_up(cudnn::warm_up);
    backend->add_warm_up(cublas::warm_up);
    return backend;
  });
}

Backend* sluice_plan_cuda(const char* properties_file, char* why, std::size_t why_bytes) {
  return open_or_say_why(why, why_bytes, [&] {
    cudnn::require_planning();
    return std::make_unique<cuda::CudaBackend>(cuda::read_device_properties(properties_file));
  });
}

}  // namespace sluice
