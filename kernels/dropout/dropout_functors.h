#pragma once

#include <cmath>
#include <cstdint>

#include <sluice/core/host_device.h>

namespace sluice {

/// One element from its random word: times `factor` or times 0, so that a NaN passes even where it is dropped. Compares
/// the word's upper 24 bits as an integer: the same decision in every precision, namely Philox::uniform(word) >= rate.
struct DropoutFunctor {
  std::int32_t threshold;  ///< rate · 2^24, rounded up
  double factor;           ///< 1 / (1 − rate)

  explicit DropoutFunctor(double rate)
      : threshold(static_cast<std::int32_t>(std::ceil(rate * 16777216.0))),
        factor(1.0 / (1.0 - rate)) {}

  template <class T>
  SLUICE_HOST_DEVICE T operator()(T x, std::uint32_t word) const {
    return x * (static_cast<std::int32_t>(word >> 8) >= threshold ? static_cast<T>(factor) : T(0));
  }
};

}  // namespace sluice
