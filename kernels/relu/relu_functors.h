#pragma once

#include <sluice/core/host_device.h>

namespace sluice {

/// y = max(x, 0). Written so that a NaN passes: a step that went wrong must not look healthy further on.
struct ReluFunctor {
  template <class T>
  SLUICE_HOST_DEVICE T operator()(T x) const {
    return x < T(0) ? T(0) : x;
  }
};

/// dx from the output y and dy. Selects instead of multiplying: an infinite dy behind a closed unit contributes 0.
struct ReluGradFunctor {
  template <class T>
  SLUICE_HOST_DEVICE T operator()(T y, T dy) const {
    return y > T(0) ? dy : T(0);
  }
};

}  // namespace sluice
