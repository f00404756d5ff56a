#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "common/figures/picture.h"

namespace sluice::samples {

/// Where the plots of a page begin, beside their axis.
constexpr double plot_left = 62;

/// Where a horizontal grid goes: from x to the right, the heights by `y` of a value.
struct Grid {
  double x = 0, width = 0;
  std::function<double(double value)> y;
};

/// Lines at powers of two of bytes and their multiples up to `most`, about `count` of them, with their numbers.
void draw_byte_axis(Picture& picture, const Grid& grid, double most, int count);
/// The same at round milliseconds.
void draw_time_axis(Picture& picture, const Grid& grid, double most_ms, int count);

/// Round numbers from 0 to `most`, about `count` of them, no closer than `least`.
std::vector<double> round_ticks(double most, double count, double least);

/// An entry of a legend; `dash` makes it a line.
struct Key {
  std::string_view colour;
  std::string text;
  std::string_view dash = {};
};

/// Rows of keys that wrap inside `width`; returns their height.
double draw_legend(Picture& picture, const std::vector<Key>& keys, Point at, double width);

/// "−1.5 MiB": bytes with a sign.
std::string signed_bytes(double bytes);

}  // namespace sluice::samples
