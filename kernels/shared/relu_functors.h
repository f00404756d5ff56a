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

/// The bit of an output y: whether its gradient passes. It does where y is NaN: only a closed unit stops a gradient.
struct ReluMaskFunctor {
  template <class T>
  SLUICE_HOST_DEVICE bool operator()(T y) const {
    return !(y <= T(0));
  }
};

/// dx from that bit and dy. Selects instead of multiplying: an infinite dy behind a closed unit contributes 0.
struct ReluGradFunctor {
  template <class T>
  SLUICE_HOST_DEVICE T operator()(bool open, T dy) const {
    return open ? dy : T(0);
  }
};

}  // namespace sluice
