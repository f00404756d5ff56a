// Compiled in place of kernels/cpu, kernels/onednn and the ops' CPU kernels where oneDNN is absent (SLUICE_CPU).

#include <memory>

#include <sluice/core/device.h>
#include <sluice/core/error.h>

namespace sluice {

std::unique_ptr<Backend> make_cpu_backend();

std::unique_ptr<Backend> make_cpu_backend() {
  throw DeviceError(
      "cpu: this build has no CPU device, because it was made without oneDNN; expected the device cuda, or a build "
      "with SLUICE_CPU=ON");
}

}  // namespace sluice
