#pragma once

#include <cstdint>

#include <sluice/core/host_device.h>

namespace sluice {

/// Indices [begin, end).
struct PoolRange {
  std::int64_t begin, end;

  SLUICE_HOST_DEVICE std::int64_t size() const { return end - begin; }
};

/// Rows (or columns) of a pooling: where windows and elements meet.
struct PoolAxis {
  std::int64_t extent, windows;  ///< of x, of y
  std::int64_t kernel, stride, padding;

  /// Where window `i` begins; below 0 in the padding.
  SLUICE_HOST_DEVICE std::int64_t first(std::int64_t i) const { return i * stride - padding; }

  /// The elements of x in window `i`.
  SLUICE_HOST_DEVICE PoolRange of_window(std::int64_t i) const {
    const std::int64_t begin = first(i), end = begin + kernel;
    return {begin < 0 ? 0 : begin, end < extent ? end : extent};
  }

  /// The windows that element `p` of x lies in; begin >= end where there is none.
  SLUICE_HOST_DEVICE PoolRange over(std::int64_t p) const {
    const std::int64_t from = p + padding - kernel, end = (p + padding) / stride + 1;
    return {from < 0 ? 0 : from / stride + 1, end < windows ? end : windows};
  }
};

}  // namespace sluice
