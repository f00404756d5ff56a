#pragma once

#include <sluice/kernels/shared/math.h>

namespace sluice {

/// y = 1 / (1 + e^−x). Stable as it stands: where e^−x is infinite the quotient is 0, and no digits cancel. `Exp`: the
/// exponential function.
template <class Exp = ExpFunctor>
struct SigmoidFunctor {
  template <class T>
  SLUICE_HOST_DEVICE T operator()(T x) const {
    return T(1) / (T(1) + Exp{}(-x));
  }
};

/// dx from the output y and dy.
struct SigmoidGradFunctor {
  template <class T>
  SLUICE_HOST_DEVICE T operator()(T y, T dy) const {
    return y * (T(1) - y) * dy;
  }
};

}  // namespace sluice
