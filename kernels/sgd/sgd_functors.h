#pragma once

#include <sluice/core/host_device.h>
#include <sluice/kernels/sgd/sgd.h>
#include <sluice/kernels/shared/decay.h>

namespace sluice {

/// What sgd_update's options are to its arithmetic: computed in double, rounded once.
template <class T>
struct SgdCoefficients {
  Decay<T> velocity;
  T momentum, weight_decay;
  bool nesterov;

  explicit SgdCoefficients(const SgdUpdateOptions& o)
      : velocity(Decay<T>::of(o.momentum)),
        momentum(static_cast<T>(o.momentum)),
        weight_decay(static_cast<T>(o.weight_decay)),
        nesterov(o.nesterov) {}
};

/// One element of sgd_update. Without momentum v is not used.
template <class T>
struct SgdFunctor {
  SgdCoefficients<T> options;
  T lr;

  SLUICE_HOST_DEVICE void operator()(T& p, T g, T& v) const {
    g += options.weight_decay * p;
    v = options.velocity(v, g);
    p -= lr * (options.nesterov ? g + options.momentum * v : v);
  }
  SLUICE_HOST_DEVICE void operator()(T& p, T g) const { p -= lr * (g + options.weight_decay * p); }
};

}  // namespace sluice
