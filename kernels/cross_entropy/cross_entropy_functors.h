#pragma once

#include <cstdint>

#include <sluice/core/host_device.h>
#include <sluice/kernels/shared/math.h>
#include <sluice/kernels/softmax/softmax_functors.h>

namespace sluice {

/// Weight of one position from its label.
template <class T>
struct LabelWeight {
  bool ignores = false;
  std::int32_t ignore_index = 0;
  std::int64_t classes = 0;
  const T* class_weights = nullptr;  ///< [classes], or null for ones

  SLUICE_HOST_DEVICE T operator()(std::int32_t label) const {
    if (ignores && label == ignore_index) return T(0);
    if (class_weights == nullptr) return T(1);
    return label >= 0 && label < classes ? class_weights[label] : nan_of<T>();
  }
};

/// w · nll of one position; exactly 0 where w is 0, NaN where the label is no class.
template <class T>
SLUICE_HOST_DEVICE T cross_entropy_at(const T* x, std::int64_t classes, std::int64_t stride, std::int32_t label, T w) {
  if (w == T(0)) return T(0);
  if (label < 0 || label >= classes) return nan_of<T>();
  const SoftmaxSums<T> sums(x, classes, stride);
  return w * (log_of(sums.sum) + (sums.max - x[label * stride]));
}

/// dx = scale · (softmax(x) − onehot(label)) for one position; `dx` may be `x`.
template <class T>
SLUICE_HOST_DEVICE void cross_entropy_grad_at(const T* x, T* dx, std::int64_t classes, std::int64_t stride,
                                              std::int32_t label, T w, T dloss) {
  if (w == T(0) || label < 0 || label >= classes) {
    for (std::int64_t c = 0; c < classes; ++c) dx[c * stride] = w == T(0) ? T(0) : nan_of<T>();
    return;
  }
  const SoftmaxSums<T> sums(x, classes, stride);
  const T scale = dloss * w;
  for (std::int64_t c = 0; c < classes; ++c) {
    const T softmax = exp_of(x[c * stride] - sums.max) / sums.sum;
    dx[c * stride] = scale * (softmax - (c == label ? T(1) : T(0)));
  }
}

}  // namespace sluice
