#pragma once

#include <cmath>

#include <sluice/core/host_device.h>

namespace sluice {

/// Φ(x) = ½ (1 + erf(x / √2)), written as ½ erfc(−x / √2): the sum would lose all its digits for x far below 0.
struct NormalCdfFunctor {
  template <class T>
  SLUICE_HOST_DEVICE T operator()(T x) const {
    constexpr T sqrt_half = T(0.70710678118654752440);
    return T(0.5) * std::erfc(-sqrt_half * x);
  }
};

/// y = x · Φ(x).
struct GeluFunctor {
  template <class T>
  SLUICE_HOST_DEVICE T operator()(T x) const {
    return x * NormalCdfFunctor{}(x);
  }
};

/// dx = dy · (Φ(x) + x · φ(x)), from the input x and dy.
struct GeluGradFunctor {
  template <class T>
  SLUICE_HOST_DEVICE T operator()(T x, T dy) const {
    constexpr T inverse_sqrt_two_pi = T(0.39894228040143267794);
    return dy * (NormalCdfFunctor{}(x) + x * inverse_sqrt_two_pi * std::exp(T(-0.5) * x * x));
  }
};

}  // namespace sluice
