#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace sluice::bench {

/// The middle value, of an even number the mean of the two; `values` must not be empty.
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// A measurement over rounds.
struct Spread {
  double median = 0, min = 0, max = 0;
};
inline Spread spread(const std::vector<double>& values) {
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  return {median(values), *min, *max};
}

}  // namespace sluice::bench
