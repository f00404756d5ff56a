#pragma once

#include <sluice/core/host_device.h>

namespace sluice {

/// One element of sgd_update. Without momentum v is not used.
template <class T>
struct SgdFunctor {
  T lr, momentum, weight_decay;
  bool nesterov;

  SLUICE_HOST_DEVICE void operator()(T& p, T g, T& v) const {
    g += weight_decay * p;
    v = momentum * v + g;
    p -= lr * (nesterov ? g + momentum * v : v);
  }
  SLUICE_HOST_DEVICE void operator()(T& p, T g) const { p -= lr * (g + weight_decay * p); }
};

}  // namespace sluice
