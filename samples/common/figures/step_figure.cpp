#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <sluice/core/byte_size.h>
#include <sluice/mbp/plan/micro_batches.h>

#include "common/figures/figures.h"
#include "common/figures/picture.h"
#include "common/figures/scales.h"

namespace sluice::samples {
namespace {

constexpr double height = 250;

/// A part as it runs in a step: `replay` from 1, or 0 for what runs once.
struct Turn {
  const PartDetails* part = nullptr;
  std::int64_t replay = 0;
};

/// The parts of one whole training step in running order.
std::vector<Turn> schedule(const PlanDetails& details) {
  std::vector<const PartDetails*> train;
  for (const PartDetails& part : details.parts)
    if (part.program == "train") train.push_back(&part);
  std::vector<Turn> turns;
  const auto add = [&](PartKind kind, int stage) {
    for (const PartDetails* part : train)
      if (part->kind == kind && part->stage == stage) turns.push_back({part});
  };
  add(PartKind::prologue, -1);
  add(PartKind::derived, -1);
  const Plan& plan = details.summary;
  const MicroBatches split(std::min(plan.batch, plan.samples), std::max<std::int64_t>(plan.micro_batch, 1));
  for (int stage = 0; stage < plan.stages; ++stage) {
    for (std::int64_t replay = 0; replay < split.replays; ++replay)
      for (const PartDetails* part : train)
        if (part->kind == PartKind::replayed && part->stage == stage && part->micro_batch == split.size(replay))
          turns.push_back({part, replay + 1});
    add(PartKind::once, stage);
    add(PartKind::derived, stage);
  }
  for (const PartDetails* part : train)
    if (part->kind == PartKind::writers) turns.push_back({part});
  return turns;
}

/// A layer of the figure: bytes that are there all the time, or what the kernels of a part have in use.
struct Band {
  std::string colour, text;
  double bytes = 0;
  std::optional<Role> role = {};
};

std::vector<Band> bands_of(const PlanDetails& details) {
  std::vector<Band> bands;
  for (int c = 0; c < static_cast<int>(Category::count); ++c) {
    const auto category = static_cast<Category>(c);
    const std::size_t bytes = details.ledger.total(category).planned_bytes;
    if (bytes == 0 || region_of(category) == Region::arena) continue;
    const std::string text(name(category));
    bands.push_back({category == Category::batch ? "batch" : text, text, static_cast<double>(bytes)});
  }
  if (const std::size_t kept = kept_bytes(details))
    bands.push_back({"kept", "stored for a later stage", static_cast<double>(kept)});
  bands.push_back({"activation", "activation", 0, Role::activation});
  bands.push_back({"activation-gradient", "activation gradient", 0, Role::gradient});
  bands.push_back({"copy", "copy in another layout", 0, Role::copy});
  bands.push_back({"workspace", "workspace", 0, Role::workspace});
  return bands;
}

/// The bytes of a moment, band by band, and who has them.
struct Moment {
  std::vector<double> values;
  double total = 0;
  Turn turn = {};
};

/// The moments of a part, kernel after kernel.
std::vector<Moment> moments_of(const PartDetails& part, const std::vector<Band>& bands) {
  const int kernels = static_cast<int>(part.instructions.size());
  std::vector<Moment> moments(part.instructions.size());
  for (Moment& moment : moments)
    for (const Band& band : bands) moment.values.push_back(band.bytes);
  for (std::size_t b = 0; b < bands.size(); ++b)
    for (const ItemDetails& item : part.items)
      for (int k = item.first; bands[b].role == item.role && k <= std::min(item.last, kernels - 1); ++k)
        moments[static_cast<std::size_t>(k)].values[b] += static_cast<double>(item.bytes);
  for (Moment& moment : moments)
    for (const double value : moment.values) moment.total += value;
  return moments;
}

std::vector<Moment> moments_of_step(const PlanDetails& details, const std::vector<Band>& bands) {
  std::map<const PartDetails*, std::vector<Moment>> of_part;
  std::vector<Moment> step;
  for (const Turn& turn : schedule(details)) {
    auto [found, fresh] = of_part.try_emplace(turn.part);
    if (fresh) found->second = moments_of(*turn.part, bands);
    for (Moment& moment : found->second) {
      moment.turn = turn;
      step.push_back(moment);
    }
  }
  return step;
}

/// At most `count` moments; each stands for its neighbours and is the one of them with the most bytes.
std::vector<Moment> thinned(const std::vector<Moment>& moments, std::size_t count) {
  const std::size_t bins = std::min(moments.size(), count);
  std::vector<Moment> result;
  for (std::size_t b = 0; b < bins; ++b)
    result.push_back(*std::max_element(moments.begin() + static_cast<std::ptrdiff_t>(b * moments.size() / bins),
                                       moments.begin() + static_cast<std::ptrdiff_t>((b + 1) * moments.size() / bins),
                                       [](const Moment& one, const Moment& other) { return one.total < other.total; }));
  return result;
}

/// The drawing of a step.
class StepFigure {
 public:
  explicit StepFigure(const PlanDetails& details)
      : plan_(details.summary),
        bands_(bands_of(details)),
        moments_(moments_of_step(details, bands_)),
        most_(std::max<double>(
            {static_cast<double>(plan_.planned_peak_bytes()), static_cast<double>(plan_.budget_bytes), 1})) {}

  std::string svg() {
    top_ = 14 + legend() + 6;
    draw_byte_axis(picture_, {plot_left, inner_, [this](double bytes) { return y(bytes); }}, most_, 6);
    draw_bands();
    limit(static_cast<double>(plan_.planned_peak_bytes()), {.colour = "ink", .width = 1.5});
    if (plan_.budget_bytes)
      limit(static_cast<double>(plan_.budget_bytes), {.colour = "accent", .width = 1.5, .dash = "6 3"});
    draw_replays(top_ + height + 4);
    return picture_.svg(top_ + height + 50);
  }

 private:
  double y(double bytes) const { return top_ + height * (1 - bytes / most_); }
  double x(std::size_t moment, std::size_t of) const {
    return plot_left + inner_ * static_cast<double>(moment) / static_cast<double>(std::max<std::size_t>(of, 1));
  }
  void limit(double bytes, const Stroke& stroke) {
    picture_.line({plot_left, y(bytes)}, {plot_left + inner_, y(bytes)}, stroke);
  }

  double legend() {
    std::vector<Key> keys;
    for (std::size_t b = 0; b < bands_.size(); ++b)
      if (std::any_of(moments_.begin(), moments_.end(), [&](const Moment& moment) { return moment.values[b] > 0; }))
        keys.push_back({bands_[b].colour, bands_[b].text});
    keys.push_back({"ink", "planned peak " + format_bytes(plan_.planned_peak_bytes()), "none"});
    if (plan_.budget_bytes) keys.push_back({"accent", "budget " + format_bytes(plan_.budget_bytes), "6 3"});
    return draw_legend(picture_, keys, {plot_left, 14}, inner_);
  }

  void draw_bands() {
    const std::vector<Moment> shown = thinned(moments_, static_cast<std::size_t>(inner_));
    std::vector<double> below(shown.size(), 0);
    for (std::size_t b = 0; b < bands_.size(); ++b) {
      std::vector<Point> upper, lower;
      for (std::size_t i = 0; i < shown.size(); ++i) {
        add(lower, x(i, shown.size()), x(i + 1, shown.size()), y(below[i]));
        below[i] += shown[i].values[b];
        add(upper, x(i, shown.size()), x(i + 1, shown.size()), y(below[i]));
      }
      upper.insert(upper.end(), lower.rbegin(), lower.rend());
      if (!upper.empty()) picture_.polygon(upper, bands_[b].colour);
    }
  }

  /// A piece of an edge; level pieces become one.
  static void add(std::vector<Point>& edge, double from, double to, double level) {
    if (!edge.empty() && edge.back().y == level)
      edge.back().x = to;
    else
      edge.insert(edge.end(), {{from, level}, {to, level}});
  }

  /// A strip that tells micro-batches apart, or stages where there are several, with as many numbers as fit.
  void draw_replays(double top) {
    const bool staged = plan_.stages > 1;
    double free = plot_left;
    for (std::size_t begin = 0, end = 0; begin < moments_.size(); begin = end) {
      const Turn& turn = moments_[begin].turn;
      for (end = begin; end < moments_.size() && same(moments_[end].turn, turn); ++end) continue;
      const double from = x(begin, moments_.size()), to = x(end, moments_.size());
      const std::int64_t number = staged ? turn.part->stage : turn.replay;
      picture_.rectangle(from, top, to - from, 8, turn.replay == 0 ? "soft" : number % 2 ? "line" : "band");
      const std::string text = std::to_string(number);
      const bool first_of_stage = !staged || turn.replay == 1;
      const double centre = (from + to) / 2, half = width_of(text) / 2;
      if (turn.replay == 0 || !first_of_stage || centre - half < free) continue;
      picture_.text(text, {centre, top + 22}, {.anchor = Anchor::middle, .colour = "soft"});
      free = centre + half + 8;
    }
    const std::string title = staged ? "stage, each with all micro-batches" : "micro-batch";
    picture_.text(title + "; strong tone: what runs once", {plot_left + inner_ / 2, top + 39},
                  {.anchor = Anchor::middle, .colour = "soft"});
  }

  static bool same(const Turn& a, const Turn& b) { return a.replay == b.replay && a.part->stage == b.part->stage; }

  const Plan& plan_;
  std::vector<Band> bands_;
  std::vector<Moment> moments_;
  double most_, top_ = 0;
  Picture picture_{720, "Bytes in use over one training step"};
  double inner_ = picture_.width() - plot_left - 8;
};

}  // namespace

std::string draw_step(const ReportData& report) {
  return report.details.parts.empty() ? "" : StepFigure(report.details).svg();
}

}  // namespace sluice::samples
