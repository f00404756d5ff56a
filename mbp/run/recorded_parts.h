#pragma once

#include <cstddef>

namespace sluice {

/// How the parts that ran at least twice are replayed on a device that records kernels. Both numbers are 0 on other
/// devices and if recording is off.
struct RecordedParts {
  std::size_t recorded = 0;  ///< parts that are replayed by one call
  std::size_t refused = 0;   ///< parts that run kernel by kernel, because recording failed
};

}  // namespace sluice
