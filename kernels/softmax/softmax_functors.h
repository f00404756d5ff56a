#pragma once

#include <cstdint>

#include <sluice/core/host_device.h>
#include <sluice/kernels/shared/math.h>

namespace sluice {

// One position of an activation: its channels are x[0], x[stride], ....

/// The largest channel of a position and Σ exp(x − max): what softmax and its logarithm need without overflow.
template <class T>
struct SoftmaxSums {
  T max, sum;

  SLUICE_HOST_DEVICE SoftmaxSums(const T* x, std::int64_t classes, std::int64_t stride) : max(x[0]), sum(0) {
    for (std::int64_t c = 1; c < classes; ++c) max = x[c * stride] > max ? x[c * stride] : max;
    for (std::int64_t c = 0; c < classes; ++c) sum += exp_of(x[c * stride] - max);
  }
};

/// y = softmax(x) of one position; `y` may be `x`.
template <class T>
SLUICE_HOST_DEVICE void softmax_at(const T* x, T* y, std::int64_t classes, std::int64_t stride) {
  const SoftmaxSums<T> sums(x, classes, stride);
  for (std::int64_t c = 0; c < classes; ++c) y[c * stride] = exp_of(x[c * stride] - sums.max) / sums.sum;
}

/// dx = y · (dy − Σ dy · y) of one position; `dx` may be `dy` or `y`.
template <class T>
SLUICE_HOST_DEVICE void softmax_grad_at(const T* y, const T* dy, T* dx, std::int64_t classes, std::int64_t stride) {
  T sum = 0;
  for (std::int64_t c = 0; c < classes; ++c) sum += dy[c * stride] * y[c * stride];
  for (std::int64_t c = 0; c < classes; ++c) dx[c * stride] = y[c * stride] * (dy[c * stride] - sum);
}

}  // namespace sluice
