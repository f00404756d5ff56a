#include "support/tensors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace sluice::test {

Tensor random_tensor(const Shape& shape, DType dtype, double low, double high, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  Tensor tensor(shape, DType::f64);
  for (double& value : tensor.values<double>()) {
    const double unit = static_cast<double>(engine() >> 11) / 9007199254740992.0;
    value = is_floating(dtype) ? static_cast<double>(static_cast<float>(low + unit * (high - low)))
                               : std::min(high, std::floor(low + unit * (high - low + 1)));
  }
  return tensor.to(dtype);
}

std::vector<double> doubles(const Tensor& tensor) {
  const Tensor converted = tensor.to(DType::f64);
  const auto values = converted.values<double>();
  return {values.begin(), values.end()};
}

double relative_error(const Tensor& a, const Tensor& b) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (a.shape() != b.shape()) return infinity;
  const std::vector<double> x = doubles(a), y = doubles(b);
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i]) && std::isnan(y[i])) continue;
    if (x[i] == y[i] && std::isinf(x[i])) continue;
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) return infinity;
    difference = std::max(difference, std::abs(x[i] - y[i]));
    size = std::max(size, std::abs(y[i]));
  }
  return difference == 0 ? 0 : difference / std::max(size, std::numeric_limits<double>::min());
}

}  // namespace sluice::test
