#pragma once

#include <cstdint>

#include <sluice/core/host_device.h>

namespace sluice {

/// 1 for NaN and infinities, 0 for numbers: x − x is 0 for numbers only.
struct NotFiniteFunctor {
  template <class T>
  SLUICE_HOST_DEVICE std::int32_t operator()(T x) const {
    return x - x == T(0) ? 0 : 1;
  }
};

}  // namespace sluice
