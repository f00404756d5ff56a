#include <sluice/kernels/reference/reference_backend.h>

#include "cuda_shim/register.h"
#include "gpu/checks.h"

namespace sluice::test {

void prepare_devices() {
  register_reference_device();
  register_cuda_shim();
}

}  // namespace sluice::test
