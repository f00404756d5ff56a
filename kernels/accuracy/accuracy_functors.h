#pragma once

#include <cstdint>

#include <sluice/core/host_device.h>

namespace sluice {

/// 1 when `label` is the first of the largest logits x[0], x[stride], ..., else 0.
struct CorrectFunctor {
  bool ignores = false;
  std::int32_t ignore_index = 0;
  std::int64_t classes = 0;
  std::int64_t stride = 1;

  /// Of the classes `first`, `first` + `step`, ... alone: threads that share the classes agree on 1.
  template <class T>
  SLUICE_HOST_DEVICE std::int32_t operator()(const T* x, std::int32_t label, std::int64_t first = 0,
                                             std::int64_t step = 1) const {
    if ((ignores && label == ignore_index) || label < 0 || label >= classes) return 0;
    const T value = x[label * stride];
    // Every comparison with NaN is false, so that NaN is never right.
    if (!(value == value)) return 0;
    for (std::int64_t c = first; c < classes; c += step)
      if (c != label && !(c < label ? value > x[c * stride] : value >= x[c * stride])) return 0;
    return 1;
  }
};

}  // namespace sluice
