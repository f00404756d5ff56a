#pragma once

#include <sluice/core/host_device.h>

namespace sluice {

/// x ← factor · x + y for a factor in [0, 1]: momentum, moving averages, weight decay.
///
/// A factor near 1 is represented by its complement, 1 − factor. In f32 the factor itself would round: 0.99999999 to 1,
/// and 1 − 0.999 would have a relative error of 1e-5 in every step.
template <class T>
struct Decay {
  T keep, lose;  ///< factor = keep − lose; one of the two is 1 or 0

  /// `complement` is 1 − factor, from a caller that can compute it more accurately.
  static Decay of(double factor, double complement) {
    return factor <= 0.5 ? Decay{static_cast<T>(factor), T(0)} : Decay{T(1), static_cast<T>(complement)};
  }
  static Decay of(double factor) { return of(factor, 1 - factor); }

  SLUICE_HOST_DEVICE T operator()(T x, T y) const { return keep * x + (y - lose * x); }
};

}  // namespace sluice
