#pragma once

#include <cstdint>

#include <sluice/core/host_device.h>

namespace sluice::cuda {

/// Extents of an array, outermost first. The first one bounds nothing: whoever walks the array counts.
template <int rank>
struct Extents {
  std::int64_t of[rank];
};

/// Coordinates of one element of a row-major array, from which a thread steps to its next one, always as many elements
/// further: it divides once at its start and then only adds and compares. Plain C++, so that tests run it without a
/// GPU.
template <int rank>
class GridIndex {
 public:
  SLUICE_HOST_DEVICE GridIndex(const Extents<rank>& extents, std::int64_t first, std::int64_t step) {
    for (int d = rank - 1; d > 0; --d) {
      const std::int64_t extent = extents.of[d];
      at_[d] = first % extent;
      step_[d] = step % extent;
      first /= extent;
      step /= extent;
    }
    at_[0] = first;
    step_[0] = step;
  }

  SLUICE_HOST_DEVICE std::int64_t operator[](int d) const { return at_[d]; }

  /// One step on; `extents` as at the start.
  SLUICE_HOST_DEVICE void advance(const Extents<rank>& extents) {
    std::int64_t carry = 0;
    for (int d = rank - 1; d > 0; --d) {
      const std::int64_t next = at_[d] + step_[d] + carry;
      carry = next >= extents.of[d] ? 1 : 0;
      at_[d] = carry ? next - extents.of[d] : next;
    }
    at_[0] += step_[0] + carry;
  }

 private:
  std::int64_t at_[rank];
  std::int64_t step_[rank];
};

}  // namespace sluice::cuda
