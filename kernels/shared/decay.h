#pragma once

#include <sluice/core/host_device.h>

namespace sluice {

/// x ← factor · x + y for a factor in [0, 1]: momentum, moving averages, weight decay.
///
/// A factor near 1 is kept as what it lacks to 1. Rounded to f32 itself, 0.99999999 would be 1, and what 0.999 forgets
/// in a step would be 1e-5 too much or too little, the same in every step.
template <class T>
struct Decay {
  T keep, lose;  ///< factor = keep − lose; one of the two is 1 or 0

  /// `complement` is 1 − factor, computed by whoever knows it best.
  static Decay of(double factor, double complement) {
    return factor <= 0.5 ? Decay{static_cast<T>(factor), T(0)} : Decay{T(1), static_cast<T>(complement)};
  }
  static Decay of(double factor) { return of(factor, 1 - factor); }

  SLUICE_HOST_DEVICE T operator()(T x, T y) const { return keep * x + (y - lose * x); }
};

}  // namespace sluice
