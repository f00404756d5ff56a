#pragma once

#include <sluice/core/host_device.h>

namespace sluice {

// The product stands outside the choice: compilers vectorise a choice between values only.

/// y = x where x >= 0, else slope · x; NaN passes.
struct LeakyReluFunctor {
  double slope = 0;

  template <class T>
  SLUICE_HOST_DEVICE T operator()(T x) const {
    const T scaled = x * static_cast<T>(slope);
    return x < T(0) ? scaled : x;
  }
};

/// dx from the output y, which has the sign of x, and dy.
struct LeakyReluGradFunctor {
  double slope = 0;

  template <class T>
  SLUICE_HOST_DEVICE T operator()(T y, T dy) const {
    const T scaled = slope == 0 ? T(0) : dy * static_cast<T>(slope);  // an infinite dy behind a closed unit gives 0
    return y > T(0) ? dy : scaled;
  }
};

}  // namespace sluice
