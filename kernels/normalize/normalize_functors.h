#pragma once

#include <sluice/core/host_device.h>

namespace sluice {

/// One pixel, of whatever type, with the coefficients of its channel.
template <class T>
struct NormalizeFunctor {
  T factor, offset;

  template <class Pixel>
  SLUICE_HOST_DEVICE T operator()(Pixel x) const {
    return factor * static_cast<T>(x) + offset;
  }
};

}  // namespace sluice
