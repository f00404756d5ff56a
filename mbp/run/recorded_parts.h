#pragma once

#include <cstddef>

namespace sluice {

/// How the parts of a run that ran twice or more are replayed on a device that records kernels. Both 0 elsewhere, and
/// where recording is off.
struct RecordedParts {
  std::size_t recorded = 0;  ///< by one call
  std::size_t refused = 0;   ///< kernel by kernel, because recording them failed
};

}  // namespace sluice
