#pragma once

#include <math.h>  // the global names are the ones that exist for both compilers

#include <sluice/core/host_device.h>

namespace sluice {

// Elementary functions under one name for float and double, so that functors are written once for every device.

SLUICE_HOST_DEVICE inline float exp_of(float x) { return expf(x); }
SLUICE_HOST_DEVICE inline double exp_of(double x) { return exp(x); }
SLUICE_HOST_DEVICE inline float log_of(float x) { return logf(x); }
SLUICE_HOST_DEVICE inline double log_of(double x) { return log(x); }
SLUICE_HOST_DEVICE inline float sqrt_of(float x) { return sqrtf(x); }
SLUICE_HOST_DEVICE inline double sqrt_of(double x) { return sqrt(x); }

/// exp_of as a type, for functors that take the exponential function as a parameter.
struct ExpFunctor {
  template <class T>
  SLUICE_HOST_DEVICE T operator()(T x) const {
    return exp_of(x);
  }
};

/// Not a number.
template <class T>
SLUICE_HOST_DEVICE T nan_of() {
  return static_cast<T>(NAN);
}

}  // namespace sluice
