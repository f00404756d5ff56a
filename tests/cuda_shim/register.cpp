#include "cuda_shim/register.h"

#include <sluice/kernels/cuda/cuda_backend.h>

namespace sluice::test {

void register_cuda_shim() { register_backend(Device::Kind::cuda, std::make_unique<cuda::CudaBackend>(0)); }

}  // namespace sluice::test
