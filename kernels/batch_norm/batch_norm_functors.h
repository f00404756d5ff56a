#pragma once

#include <cmath>
#include <cstdint>

#include <sluice/core/host_device.h>

namespace sluice {

/// A variance that rounding took below 0 is 0. What is not finite stays so: fmax would make 0 of it.
SLUICE_HOST_DEVICE inline double at_least_zero(double variance) {
  return variance < 0 ? variance - variance : variance;
}

/// One channel's mean and 1/√(variance + eps) from its moments.
struct ChannelStatistics {
  double mean, inverse_std;

  /// n, Σx, Σx² are doubles: Σx²/n − mean² then loses nothing that f32 inputs have (at |mean| = 1000·std it is right to
  /// 1e-10).
  SLUICE_HOST_DEVICE ChannelStatistics(double n, double sum, double sum_of_squares, double eps)
      : mean(sum / n),
        inverse_std(1 / std::sqrt(at_least_zero(sum_of_squares / n - mean * mean) + eps)) {}
};

/// y = (x − center) · slope + offset. `center` is the mean as T and `offset` makes up for its rounding, so that a large
/// mean costs no precision.
template <class T>
struct NormalizeChannel {
  T center, slope, offset;

  SLUICE_HOST_DEVICE static NormalizeChannel make(const ChannelStatistics& s, double scale, double shift) {
    const T center = static_cast<T>(s.mean);
    const double slope = scale * s.inverse_std;
    return {center, static_cast<T>(slope), static_cast<T>(shift + slope * (static_cast<double>(center) - s.mean))};
  }
  SLUICE_HOST_DEVICE T operator()(T x) const { return (x - center) * slope + offset; }
};

/// dx = dy · slope + (x − center) · by_x + constant, the gradient of y's normalisation by x:
/// dx = scale · inverse_std · (dy − Σdy/n − x̂ · Σ(dy·x̂)/n).
template <class T>
struct NormalizeChannelGrad {
  T slope, by_x, constant;

  SLUICE_HOST_DEVICE static NormalizeChannelGrad make(const ChannelStatistics& s, double scale, double n, double sum_dy,
                                                      double sum_dy_xhat, double center) {
    const double slope = scale * s.inverse_std;
    const double by_x = -slope * s.inverse_std * sum_dy_xhat / n;
    return {static_cast<T>(slope), static_cast<T>(by_x),
            static_cast<T>(-slope * sum_dy / n + by_x * (center - s.mean))};
  }
};

/// r ← (1 − momentum) · r + momentum · statistic.
struct RunningStatistic {
  double momentum;

  template <class T>
  SLUICE_HOST_DEVICE void operator()(T& running, double statistic) const {
    running = static_cast<T>((1 - momentum) * static_cast<double>(running) + momentum * statistic);
  }
};

/// Variance with n − 1 in the denominator; of a single number, 0.
SLUICE_HOST_DEVICE inline double unbiased_variance(double n, double sum, double sum_of_squares) {
  const double squares = at_least_zero(sum_of_squares - sum * sum / n);
  return n > 1 ? squares / (n - 1) : 0.0;
}

}  // namespace sluice
