#pragma once

#include <cstdint>
#include <string>

#include <sluice/core/size2d.h>

namespace sluice {

/// What the shapes of x and w do not say.
struct Conv2dOptions {
  Size2d stride = 1;
  Size2d padding = 0;   ///< zeros on both ends
  Size2d dilation = 1;  ///< distance between the kernel's taps
  std::int64_t groups = 1;

  std::string str() const;
};

}  // namespace sluice
