#include <sluice/kernels/cuda/cuda_backend.h>

namespace sluice::cuda {
namespace {

__global__ void probe() {}

}  // namespace

cudaError_t probe_device_code() {
  cudaFuncAttributes attributes{};
  return cudaFuncGetAttributes(&attributes, probe);
}

std::string built_for() {
  std::string list;
  for (const int architecture : {__CUDA_ARCH_LIST__})  // 900 for compute capability 9.0
    list +=
        (list.empty() ? "" : ", ") + std::to_string(architecture / 100) + "." + std::to_string(architecture / 10 % 10);
  return list;
}

}  // namespace sluice::cuda
