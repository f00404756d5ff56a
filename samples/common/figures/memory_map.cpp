#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <sluice/core/byte_size.h>

#include "common/figures/figures.h"
#include "common/figures/layer_strip.h"
#include "common/figures/picture.h"
#include "common/figures/scales.h"

namespace sluice::samples {
namespace {

constexpr double live_height = 78, map_height = 315, small = 11;

struct Use {
  Role role;
  const char *colour, *text;
};
constexpr std::array<Use, 4> uses{{{Role::activation, "activation", "activation"},
                                   {Role::gradient, "activation-gradient", "activation gradient"},
                                   {Role::copy, "copy", "copy in another layout"},
                                   {Role::workspace, "workspace", "workspace"}}};

const char* colour_of(Role role) {
  return std::find_if(uses.begin(), uses.end(), [&](const Use& use) { return use.role == role; })->colour;
}

/// The drawing of one part's map, from top to bottom.
class Map {
 public:
  Map(const PlanDetails& details, const PartDetails& part)
      : details_(details),
        part_(part),
        kernels_(static_cast<int>(part.instructions.size())),
        kept_(static_cast<double>(kept_bytes(details))),
        most_(std::max(kept_ + static_cast<double>(part.peak_bytes), 1.0)),
        picture_(720, "Memory map of " + part_title(details, part)),
        inner_(picture_.width() - plot_left - 8) {}

  std::string svg() {
    live_top_ = 14 + legend() + 40;
    map_top_ = live_top_ + live_height + 30;
    draw_live();
    draw_items();
    draw_moments();
    draw_layers(map_top_ + map_height + 2);
    return picture_.svg(map_top_ + map_height + 56);
  }

 private:
  double x(int kernel) const { return plot_left + inner_ * kernel / std::max(kernels_, 1); }
  double y_live(double bytes) const { return live_top_ + live_height * (1 - bytes / most_); }
  double y_map(double bytes) const { return map_top_ + map_height * (1 - bytes / most_); }

  double legend() {
    std::vector<Key> keys;
    if (kept_ > 0) keys.push_back({"kept", "stored for a later stage"});
    for (const Use& use : uses)
      if (std::any_of(part_.items.begin(), part_.items.end(),
                      [&](const ItemDetails& item) { return item.role == use.role; }))
        keys.push_back({use.colour, use.text});
    if (std::any_of(part_.items.begin(), part_.items.end(), [&](const ItemDetails& item) { return recomputed(item); }))
      keys.push_back({"ink", "recomputed", "3 2"});
    return draw_legend(picture_, keys, {plot_left, 14}, inner_);
  }

  /// Bytes alive while each kernel runs, and their largest sum.
  void draw_live() {
    draw_byte_axis(picture_, {plot_left, inner_, [this](double bytes) { return y_live(bytes); }}, most_, 2);
    std::vector<Point> points;
    for (int k = 0; k < kernels_; ++k) {
      const double y = y_live(kept_ + static_cast<double>(part_.live_bytes[static_cast<std::size_t>(k)]));
      points.insert(points.end(), {{x(k), y}, {x(k + 1), y}});
    }
    std::vector<Point> area = points;
    area.insert(area.end(), {{x(kernels_), y_live(0)}, {x(0), y_live(0)}});
    picture_.polygon(area, "band");
    picture_.polyline(points, {.colour = "ink", .width = 1.5});
    const double bound = kept_ + static_cast<double>(part_.lower_bound_bytes);
    picture_.line({plot_left, y_live(bound)}, {plot_left + inner_, y_live(bound)}, {.colour = "accent", .dash = "5 3"});
    picture_.text(fmt::format("bytes alive; lower bound {} (dashed)", signed_bytes(bound)), {plot_left, live_top_ - 7},
                  {.colour = "soft"});
  }

  void draw_items() {
    picture_.text("offset in the arena", {plot_left, map_top_ - 8}, {.colour = "soft"});
    draw_byte_axis(picture_, {plot_left, inner_, [this](double bytes) { return y_map(bytes); }}, most_, 7);
    const std::size_t base = details_.summary.region_offset(Region::arena);
    for (const StorageDetails& kept : details_.storages)
      if (kept.offset >= base)
        draw_box(0, kernels_, kept.offset - base, kept.bytes, "kept", "#ffffff",
                 {full_name(kept.layer, kept.name), kept.name});
    for (const ItemDetails& item : part_.items)
      draw_box(item.first, std::min(item.last + 1, kernels_), item.offset - base, item.bytes, colour_of(item.role),
               "#1a1a1a", {full_name(item.layer, item.name), item.name}, recomputed(item));
  }

  bool recomputed(const ItemDetails& item) const {
    return item.role == Role::activation && part_.instructions[static_cast<std::size_t>(item.first)].recomputed;
  }

  /// `dashed`: the edge of a recomputed value.
  void draw_box(int first, int end, std::size_t offset, std::size_t bytes, std::string_view fill, std::string_view ink,
                const std::array<std::string, 2>& names, bool dashed = false) {
    const double top = y_map(static_cast<double>(offset + bytes)),
                 height = map_height * static_cast<double>(bytes) / most_;
    const double wide = x(end) - x(first);
    picture_.rectangle(
        x(first), top, wide, height, fill,
        {.colour = dashed ? "ink" : "surface", .width = std::min(0.75, height / 4), .dash = dashed ? "3 2" : ""});
    if (height < 14) return;
    for (const std::string& name : names) {
      if (width_of(name, small) + 8 >= wide) continue;
      picture_.text(name, {x(first) + 4, top + height / 2 + 4}, {.size = small, .colour = ink, .rim = false});
      return;
    }
  }

  /// The moment of the peak, and the end of the forward pass.
  void draw_moments() {
    if (kernels_ == 0) return;
    const int peak = part_.peak_instruction();
    const InstructionDetails& kernel = part_.instructions[static_cast<std::size_t>(peak)];
    const std::string text = fmt::format("peak at kernel {}: {}", peak, full_name(kernel.layer, kernel.name));
    const double at = (x(peak) + x(peak + 1)) / 2, half = width_of(text) / 2, bottom = map_top_ + map_height;
    picture_.line({at, live_top_ - 21}, {at, bottom}, {.colour = "ink", .width = 1.25, .dash = "2 2"});
    picture_.text(
        text, {std::clamp(at, plot_left + half, std::max(plot_left + half, plot_left + inner_ - half)), live_top_ - 25},
        {.anchor = Anchor::middle, .bold = true});
    const auto turn = std::find_if(part_.instructions.begin(), part_.instructions.end(),
                                   [](const InstructionDetails& i) { return i.backward; });
    const int k = static_cast<int>(turn - part_.instructions.begin());
    if (k == 0 || k == kernels_) return;
    picture_.line({x(k), live_top_}, {x(k), bottom}, {.colour = "soft", .dash = "1 3"});
    if (x(k) - plot_left > width_of("offset in the arena") + width_of("forward") + 12)
      picture_.text("forward", {x(k) - 6, map_top_ - 8}, {.anchor = Anchor::end, .colour = "soft"});
    if (plot_left + inner_ - x(k) > width_of("backward") + 6)
      picture_.text("backward", {x(k) + 6, map_top_ - 8}, {.colour = "soft"});
  }

  void draw_layers(double top) {
    const double wide = inner_ / std::max(kernels_, 1);
    bool odd = false;
    for (const LayerRun& run : readable_runs(part_, wide)) {
      picture_.rectangle(x(run.first), top, run.kernels() * wide, 17, odd ? "line" : "band");
      odd = !odd;
      if (const std::string text = run_label(run, run.kernels() * wide); !text.empty())
        picture_.text(text, {x(run.first) + run.kernels() * wide / 2, top + 12.5},
                      {.anchor = Anchor::middle, .size = small, .rim = false});
    }
    for (const double tick : round_ticks(kernels_, inner_ / 70, 1)) {
      const int k = static_cast<int>(tick);
      if (k >= kernels_) continue;
      picture_.line({x(k) + wide / 2, top + 17}, {x(k) + wide / 2, top + 21}, {.colour = "soft"});
      picture_.text(std::to_string(k), {x(k) + wide / 2, top + 33}, {.anchor = Anchor::middle, .colour = "soft"});
    }
    picture_.text("kernel, in running order", {plot_left + inner_ / 2, top + 50},
                  {.anchor = Anchor::middle, .colour = "soft"});
  }

  const PlanDetails& details_;
  const PartDetails& part_;
  int kernels_;
  double kept_, most_;
  Picture picture_;
  double inner_, live_top_ = 0, map_top_ = 0;
};

}  // namespace

std::string draw_memory_map(const ReportData& report) {
  const PartDetails* const part = first_part(report.details);
  return part ? Map(report.details, *part).svg() : "";
}

}  // namespace sluice::samples
