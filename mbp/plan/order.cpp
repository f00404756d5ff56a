#include <sluice/mbp/plan/order.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <numeric>
#include <random>
#include <utility>

#include <sluice/core/at.h>

namespace sluice {
namespace {

/// Which steps must run before which.
struct Dependencies {
  std::vector<std::vector<int>> before, behind;  // by step: direct predecessors and successors

  explicit Dependencies(const PartModel& model) : before(at(model.steps())), behind(at(model.steps())) {
    const auto add = [&](int first, int second) {
      before[at(second)].push_back(first);
      behind[at(first)].push_back(second);
    };
    for (int i = 0; i < model.steps(); ++i) {
      for (const int v : model.step(i).inputs)
        if (model.producer(v) >= 0) add(model.producer(v), i);
      for (const int first : model.step(i).after) add(first, i);
    }
  }
};

std::vector<int> sinks_first(const PartModel& model, const Dependencies& dependencies) {
  std::vector<int> order;
  std::vector<std::size_t> waits_for(at(model.steps()));
  for (int i = 0; i < model.steps(); ++i) waits_for[at(i)] = dependencies.before[at(i)].size();
  std::vector<bool> done(at(model.steps()), false);
  const auto run = [&](auto& self, int i) -> void {
    if (done[at(i)]) return;
    done[at(i)] = true;
    order.push_back(i);
    for (const int next : dependencies.behind[at(i)])
      if (--waits_for[at(next)] == 0 && model.step(next).outputs.empty()) self(self, next);
  };
  for (int i = 0; i < model.steps(); ++i) run(run, i);
  return order;
}

/// How good an order is; less is better: the peak, then how much is alive where it is close to the peak.
using Score = std::pair<std::size_t, std::size_t>;

class LocalSearch {
 public:
  LocalSearch(const PartModel& model, const Dependencies& dependencies, std::vector<int> order, int effort)
      : model_(model),
        dependencies_(dependencies),
        order_(std::move(order)),
        effort_(effort),
        marked_(at(model.steps()), 0) {}

  std::vector<int> run() {
    score_ = score(order_);
    while (effort_ > 0 && improve_once()) {
    }
    return order_;
  }

 private:
  Score score(const std::vector<int>& order) {
    --effort_;
    live_ = model_.live(order);
    const std::size_t peak = *std::max_element(live_.begin(), live_.end());
    std::size_t close = 0;
    for (const std::size_t bytes : live_)
      if (bytes > peak - peak / 16) close += bytes;
    return {peak, close};
  }

  bool accept(std::vector<int> order) {
    if (order == order_) return false;
    const Score found = score(order);
    if (found >= score_) return false;
    score_ = found;
    order_ = std::move(order);
    return true;
  }

  bool improve_once() {
    const std::vector<std::size_t> live = model_.live(order_);
    const int moment = static_cast<int>(std::max_element(live.begin(), live.end()) - live.begin());
    if (moment == static_cast<int>(order_.size())) return false;
    std::vector<int> place(order_.size());
    for (int t = 0; t < static_cast<int>(order_.size()); ++t) place[at(order_[at(t)])] = t;
    std::vector<int> earlier, later;  // steps worth moving
    for (int v = 0; v < model_.values(); ++v) {
      if (model_.producer(v) < 0 || place[at(model_.producer(v))] > moment) continue;
      int last = -1;
      for (const int reader : dependencies_.behind[at(model_.producer(v))])
        if (reads(reader, v) && (last < 0 || place[at(reader)] > place[at(last)])) last = reader;
      if (last < 0 || place[at(last)] < moment) continue;
      if (place[at(last)] > moment) earlier.push_back(last);
      later.push_back(model_.producer(v));
    }
    for (const int step : earlier)
      if (accept_any({drawn_before(step, moment, place), drawn_before(step, behind_its_inputs(step, place), place)}))
        return true;
    for (const int step : later)
      if (accept_any({put_behind(step, moment, place), put_behind(step, before_its_readers(step, place), place)}))
        return true;
    return false;
  }

  bool accept_any(std::initializer_list<std::vector<int>> orders) {
    return std::any_of(orders.begin(), orders.end(),
                       [&](const std::vector<int>& order) { return effort_ > 0 && accept(order); });
  }

  /// The earliest moment a step can have by itself, and the latest.
  int behind_its_inputs(int step, const std::vector<int>& place) const {
    int earliest = 0;
    for (const int first : dependencies_.before[at(step)]) earliest = std::max(earliest, place[at(first)] + 1);
    return earliest;
  }
  int before_its_readers(int step, const std::vector<int>& place) const {
    int latest = static_cast<int>(order_.size()) - 1;
    for (const int next : dependencies_.behind[at(step)]) latest = std::min(latest, place[at(next)] - 1);
    return latest;
  }

  bool reads(int step, int value) const {
    const std::span<const int> inputs = model_.step(step).inputs;
    return std::find(inputs.begin(), inputs.end(), value) != inputs.end();
  }

  /// The order with `step`, and what it still needs by then, in front of what runs at `moment`.
  std::vector<int> drawn_before(int step, int moment, const std::vector<int>& place) {
    mark(step, dependencies_.before, [&](int i) { return place[at(i)] >= moment; });
    if (marked_[at(order_[at(moment)])] == stamp_) return order_;  // it needs that very step
    return split_at(
        moment, [&](int t) { return t >= moment; }, /*marked_first=*/true);
  }

  /// The order with `step`, and what has used its results by then, behind what runs at `moment`.
  std::vector<int> put_behind(int step, int moment, const std::vector<int>& place) {
    mark(step, dependencies_.behind, [&](int i) { return place[at(i)] <= moment; });
    if (marked_[at(order_[at(moment)])] == stamp_) return order_;
    return split_at(
        moment, [&](int t) { return t <= moment; }, /*marked_first=*/false);
  }

  template <class Inside>
  void mark(int step, const std::vector<std::vector<int>>& edges, const Inside& inside) {
    ++stamp_;
    std::vector<int> stack{step};
    marked_[at(step)] = stamp_;
    while (!stack.empty()) {
      const int i = stack.back();
      stack.pop_back();
      for (const int next : edges[at(i)])
        if (inside(next) && marked_[at(next)] != stamp_) {
          marked_[at(next)] = stamp_;
          stack.push_back(next);
        }
    }
  }

  /// The steps on one side of `moment`, the marked ones first or last among them.
  template <class Side>
  std::vector<int> split_at(int moment, const Side& side, bool marked_first) const {
    std::vector<int> order, front, back;
    for (int t = 0; t < static_cast<int>(order_.size()); ++t) {
      const int i = order_[at(t)];
      if (!side(t)) continue;
      ((marked_[at(i)] == stamp_) == marked_first ? front : back).push_back(i);
    }
    front.insert(front.end(), back.begin(), back.end());
    if (marked_first) {
      order.assign(order_.begin(), order_.begin() + moment);
      order.insert(order.end(), front.begin(), front.end());
    } else {
      order = std::move(front);
      order.insert(order.end(), order_.begin() + moment + 1, order_.end());
    }
    return order;
  }

  const PartModel& model_;
  const Dependencies& dependencies_;
  std::vector<int> order_;
  int effort_;
  Score score_;
  std::vector<std::size_t> live_;
  std::vector<int> marked_;  // by step: the stamp of the last marking that reached it
  int stamp_ = 0;
};

}  // namespace

std::vector<int> early_sums(const PartModel& model) { return sinks_first(model, Dependencies(model)); }

std::vector<int> improved_order(const PartModel& model, int effort) {
  const Dependencies dependencies(model);
  std::vector<int> as_is(at(model.steps()));
  std::iota(as_is.begin(), as_is.end(), 0);
  if (as_is.empty()) return as_is;
  std::vector<int> sinks = sinks_first(model, dependencies);
  const bool better = model.peak(sinks) <= model.peak(as_is);
  return LocalSearch(model, dependencies, better ? std::move(sinks) : std::move(as_is), effort).run();
}

std::vector<int> varied_order(const PartModel& model, std::size_t most_bytes, std::uint32_t seed) {
  const Dependencies dependencies(model);
  std::vector<int> order(at(model.steps())), place(at(model.steps()));
  std::iota(order.begin(), order.end(), 0);
  std::iota(place.begin(), place.end(), 0);
  std::mt19937 engine(seed);
  for (int tries = model.steps(); tries > 0; --tries) {
    const int step = static_cast<int>(engine() % order.size()), from = place[at(step)];
    int earliest = 0, latest = model.steps() - 1;
    for (const int first : dependencies.before[at(step)]) earliest = std::max(earliest, place[at(first)] + 1);
    for (const int next : dependencies.behind[at(step)]) latest = std::min(latest, place[at(next)] - 1);
    const int to = earliest + static_cast<int>(engine() % (at(latest - earliest) + 1));
    if (to == from) continue;
    std::vector<int> moved = order;
    moved.erase(moved.begin() + from);
    moved.insert(moved.begin() + to, step);
    if (model.peak(moved) > most_bytes) continue;
    order = std::move(moved);
    for (int t = std::min(from, to); t <= std::max(from, to); ++t) place[at(order[at(t)])] = t;
  }
  return order;
}

}  // namespace sluice
