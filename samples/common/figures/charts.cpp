#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <sluice/core/byte_size.h>

#include "common/figures/figures.h"
#include "common/figures/picture.h"
#include "common/figures/scales.h"

namespace sluice::samples {
namespace {

constexpr double left = 70, curve_height = 150;

double budget_of(const WhatIfRow& row) { return static_cast<double>(row.budget_bytes); }

/// A panel of the what-if figure, from `top` downwards.
struct Curve {
  std::string title;
  double top = 0;
  std::vector<std::pair<const WhatIfRow*, double>> points;
  void (*axis)(Picture& picture, const Grid& grid, double most, int count) = nullptr;
};

void draw_curve(Picture& picture, const Curve& curve, const std::function<double(const WhatIfRow&)>& x, double inner) {
  double most = 0;
  for (const auto& [row, value] : curve.points) most = std::max(most, value);
  most = std::max(1.05 * most, 1e-9);
  const auto y = [&](double value) { return curve.top + curve_height * (1 - value / most); };
  picture.text(curve.title, {left, curve.top - 8}, {.colour = "soft"});
  curve.axis(picture, {left, inner, y}, most, 4);
  std::vector<Point> line;
  for (const auto& [row, value] : curve.points) line.push_back({x(*row), y(value)});
  picture.polyline(line, {.colour = "ink", .width = 1.5});
  for (const auto& [row, value] : curve.points)
    picture.circle({x(*row), y(value)}, row->chosen ? 5.5 : 3, row->chosen ? "activation-gradient" : "ink",
                   {.colour = "surface"});
}

/// "52.1 MiB, −3.0 MiB (−5.4 %)": a peak, and the change from the one before.
std::string waterfall_numbers(double peak, double before) {
  const double percent = std::abs(100 * (peak - before) / before);
  const char* const sign = peak < before ? "−" : "+";
  std::string text = signed_bytes(peak);
  if (peak != before) text += fmt::format(", {}{}", peak > before ? "+" : "", signed_bytes(peak - before));
  if (percent >= 0.05) text += fmt::format(" ({}{:.1f} %)", sign, percent);
  return text;
}

}  // namespace

std::string draw_what_if(const ReportData& report) {
  if (report.what_if.empty()) return "";
  Picture picture(720, "What other budgets would take");
  const double inner = picture.width() - left - 14;
  Curve peak{.title = "planned peak", .top = 26, .points = {}, .axis = draw_byte_axis};
  Curve time{.title = "predicted time of a step", .top = 216, .points = {}, .axis = draw_time_axis};
  double farthest = 1;
  for (const WhatIfRow& row : report.what_if) {
    peak.points.emplace_back(&row, static_cast<double>(row.peak_bytes));
    if (row.step_ms && std::isfinite(*row.step_ms)) time.points.emplace_back(&row, *row.step_ms);
    farthest = std::max(farthest, budget_of(row));
  }
  const auto x = [&](const WhatIfRow& row) { return left + inner * budget_of(row) / farthest; };
  draw_curve(picture, peak, x, inner);
  if (!time.points.empty()) draw_curve(picture, time, x, inner);
  const double bottom = (time.points.empty() ? peak : time).top + curve_height;
  double free = 0;
  for (const WhatIfRow& row : report.what_if) {
    picture.line({x(row), bottom}, {x(row), bottom + 4}, {.colour = "soft"});
    const std::string text = row.budget_bytes ? format_bytes(row.budget_bytes) : "none";
    const double half = width_of(text) / 2, centre = std::min(x(row), picture.width() - half);
    if (centre - half < free) continue;
    picture.text(text, {centre, bottom + 18}, {.anchor = Anchor::middle, .colour = "soft"});
    free = centre + half + 8;
  }
  picture.text("budget; the large point is this plan", {left + inner / 2, bottom + 36},
               {.anchor = Anchor::middle, .colour = "soft"});
  return picture.svg(bottom + 42);
}

std::string draw_waterfall(const ReportData& report) {
  if (report.waterfall.empty()) return "";
  constexpr double step = 46, top = 22, bar = 16;
  Picture picture(720, "Planned peak after each pass of the planner");
  const auto budget = static_cast<double>(report.details.summary.budget_bytes);
  double most = std::max(budget, 1.0);
  for (const WaterfallRow& row : report.waterfall) most = std::max(most, static_cast<double>(row.peak_bytes));
  const auto x = [&](double bytes) { return bytes / most * (picture.width() - 2); };
  double y = top, before = static_cast<double>(report.waterfall.front().peak_bytes);
  for (const WaterfallRow& row : report.waterfall) {
    const auto peak = static_cast<double>(row.peak_bytes);
    if (before > peak)
      picture.rectangle(x(peak), y + 20, x(before) - x(peak), bar, "", {.colour = "soft", .dash = "3 2"});
    picture.text(fmt::format("{}: {}", row.name, waterfall_numbers(peak, before)), {0, y + 15});
    picture.rectangle(0, y + 20, std::max(x(peak), 1.0), bar, "activation", {.colour = "soft", .width = 0.5});
    if (budget > 0)
      picture.line({x(budget), y + 17}, {x(budget), y + 39}, {.colour = "accent", .width = 2, .dash = "4 2"});
    before = peak;
    y += step;
  }
  if (budget > 0) {
    const std::string text = "budget " + signed_bytes(budget);
    const bool fits = x(budget) + width_of(text) < picture.width();
    picture.text(text, {x(budget), 12},
                 {.anchor = fits ? Anchor::start : Anchor::end, .colour = "accent", .bold = true});
  }
  return picture.svg(y + 6);
}

}  // namespace sluice::samples
