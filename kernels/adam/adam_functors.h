#pragma once

#include <sluice/core/host_device.h>
#include <sluice/kernels/math.h>

namespace sluice {

/// One element of adam_update, with what does not differ between elements worked out before.
template <class T>
struct AdamFunctor {
  T beta1, beta2, eps;
  T step_size;   ///< lr / bias1
  T root_bias2;  ///< √bias2
  T shrink;      ///< decoupled: 1 − lr · weight_decay, else 1
  T l2;          ///< weight_decay unless decoupled

  SLUICE_HOST_DEVICE AdamFunctor(T lr, T bias1, T bias2, T beta1_, T beta2_, T eps_, T weight_decay, bool decoupled)
      : beta1(beta1_),
        beta2(beta2_),
        eps(eps_),
        step_size(lr / bias1),
        root_bias2(sqrt_of(bias2)),
        shrink(decoupled ? T(1) - lr * weight_decay : T(1)),
        l2(decoupled ? T(0) : weight_decay) {}

  SLUICE_HOST_DEVICE void operator()(T& p, T g, T& m, T& v) const {
    g += l2 * p;
    m = beta1 * m + (T(1) - beta1) * g;
    v = beta2 * v + (T(1) - beta2) * g * g;
    p = shrink * p - step_size * m / (sqrt_of(v) / root_bias2 + eps);
  }
};

}  // namespace sluice
