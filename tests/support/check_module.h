#pragma once

#include <cstdint>

#include <sluice/core/device.h>
#include <sluice/layers/module.h>

#include "support/device_under_test.h"

namespace sluice::test {

struct ModuleCase {
  Shape input;  ///< per sample
  std::int64_t samples = 3;
  double tolerance = 1e-5;             ///< relative maximum norm, device against reference
  double difference_tolerance = 1e-6;  ///< the same, gradient against central differences (both in double)
  int differences = 12;                ///< elements of the input and of each parameter whose derivative is checked
  std::uint64_t seed = 1;
};

/// Checks a module, given fresh values from the seed, inside a running test:
/// - its output, and the gradients of Σ r·y (random r) by its input and all its parameters, are those of the reference
/// device;
/// - on the reference device those gradients equal central differences;
/// - tracing twice gives the same graph; freezing changes it (so that a Trainer notices) and freeing changes it back.
void check_module(Module& module, const ModuleCase& test, Device device = device_under_test());

}  // namespace sluice::test
