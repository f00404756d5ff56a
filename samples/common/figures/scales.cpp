#include "common/figures/scales.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <sluice/core/byte_size.h>

namespace sluice::samples {
namespace {

/// A tick of an axis, exact: "1.25 GiB".
std::string tick_text(double bytes) {
  constexpr std::array<const char*, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < units.size(); ++unit) bytes /= 1024;
  return bytes > 0 ? fmt::format("{:.6g} {}", bytes, units[unit]) : "0";
}

void draw_tick(Picture& picture, const Grid& grid, double value, const std::string& text) {
  const double y = grid.y(value);
  picture.line({grid.x, y}, {grid.x + grid.width, y}, {.colour = "line"});
  picture.text(text, {grid.x - 6, y + 4}, {.anchor = Anchor::end, .colour = "soft"});
}

}  // namespace

void draw_byte_axis(Picture& picture, const Grid& grid, double most, int count) {
  double step = 1;
  while (most / step > count) step *= 2;
  for (double tick = 0; tick <= most; tick += step) draw_tick(picture, grid, tick, tick_text(tick));
}

void draw_time_axis(Picture& picture, const Grid& grid, double most_ms, int count) {
  for (const double tick : round_ticks(most_ms, count, 1e-3))
    draw_tick(picture, grid, tick, tick > 0 ? fmt::format("{:.3g} ms", tick) : "0");
}

std::vector<double> round_ticks(double most, double count, double least) {
  const double rough = std::max(most / std::max(count, 1.0), least);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double multiple : {5, 2, 1})
    if (multiple * power >= rough * 0.999) step = multiple * power;
  std::vector<double> ticks;
  for (int i = 0; i * step <= most * 1.0001; ++i) ticks.push_back(i * step);
  return ticks;
}

double draw_legend(Picture& picture, const std::vector<Key>& keys, Point at, double width) {
  double left = at.x, top = at.y;
  for (const Key& key : keys) {
    const double wide = 18 + width_of(key.text);
    if (left > at.x && left + wide > at.x + width) {
      left = at.x;
      top += 18;
    }
    if (key.dash.empty())
      picture.rectangle(left, top - 10, 12, 12, key.colour, {.colour = "soft", .width = 0.5});
    else
      picture.line({left, top - 4}, {left + 14, top - 4}, {.colour = key.colour, .width = 2, .dash = key.dash});
    picture.text(key.text, {left + 18, top});
    left += wide + 14;
  }
  return top - at.y + 18;
}

std::string signed_bytes(double bytes) {
  return (bytes < 0 ? "−" : "") + format_bytes(static_cast<std::size_t>(std::llround(std::abs(bytes))));
}

}  // namespace sluice::samples
