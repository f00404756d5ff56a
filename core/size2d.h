#pragma once

#include <cstdint>
#include <string>

namespace sluice {

/// A pair of spatial numbers, height before width; one number stands for both: `.stride = 2`, `.padding = {0, 1}`.
struct Size2d {
  std::int64_t h = 0, w = 0;

  constexpr Size2d(std::int64_t both = 0) : h(both), w(both) {}  // implicit: options read as in the literature
  constexpr Size2d(std::int64_t height, std::int64_t width) : h(height), w(width) {}

  constexpr bool at_least(std::int64_t least) const { return h >= least && w >= least; }
  std::string str() const { return std::to_string(h) + "x" + std::to_string(w); }
  friend constexpr bool operator==(const Size2d&, const Size2d&) = default;
};

/// Positions of a window of `kernel` taps over `extent` elements padded on both ends; below 1 when it does not fit.
constexpr std::int64_t window_positions(std::int64_t extent, std::int64_t kernel, std::int64_t stride,
                                        std::int64_t padding, std::int64_t dilation = 1) {
  const std::int64_t slack = extent + 2 * padding - dilation * (kernel - 1) - 1;
  return slack < 0 ? 0 : slack / stride + 1;
}

}  // namespace sluice
