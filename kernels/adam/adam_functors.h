#pragma once

#include <sluice/core/host_device.h>
#include <sluice/kernels/adam/adam.h>
#include <sluice/kernels/shared/decay.h>
#include <sluice/kernels/shared/math.h>

namespace sluice {

/// What adam_update's options are to its arithmetic: computed in double, rounded once.
template <class T>
struct AdamCoefficients {
  Decay<T> first, second;     ///< of m and v
  T first_rate, second_rate;  ///< 1 − beta1, 1 − beta2
  T eps;
  T l2;  ///< weight_decay unless decoupled

  explicit AdamCoefficients(const AdamUpdateOptions& o)
      : first(Decay<T>::of(o.beta1)),
        second(Decay<T>::of(o.beta2)),
        first_rate(static_cast<T>(1 - o.beta1)),
        second_rate(static_cast<T>(1 - o.beta2)),
        eps(static_cast<T>(o.eps)),
        l2(o.decoupled ? T(0) : static_cast<T>(o.weight_decay)) {}
};

/// One element of adam_update.
template <class T>
struct AdamFunctor {
  AdamCoefficients<T> options;
  T step_size, root_bias2;
  Decay<T> shrink;  ///< of the parameter

  SLUICE_HOST_DEVICE void operator()(T& p, T g, T& m, T& v) const {
    g += options.l2 * p;
    m = options.first(m, options.first_rate * g);
    v = options.second(v, options.second_rate * g * g);
    p = shrink(p, -(step_size * m / (sqrt_of(v) / root_bias2 + options.eps)));
  }
};

}  // namespace sluice
