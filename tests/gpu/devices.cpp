#include <sluice/kernels/reference/reference_backend.h>

#include "gpu/checks.h"

namespace sluice::test {

void prepare_devices() { register_reference_device(); }

}  // namespace sluice::test
