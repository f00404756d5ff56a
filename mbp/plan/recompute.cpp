#include <sluice/mbp/plan/recompute.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <numeric>
#include <queue>
#include <tuple>
#include <utility>

#include <sluice/core/at.h>
#include <sluice/mbp/plan/decisions.h>

namespace sluice {
namespace {

/// What one change of a solver's first decisions leads to. The same for every limit, so solvers of one model share it.
struct FirstTrial {
  std::vector<std::size_t> live;
  double seconds = 0;
};
using FirstTrials = std::vector<FirstTrial>;  // in the order of the first ranking; empty: not tried yet

// No single exponent finds the best sequence for every part.
constexpr double cost_exponents[] = {1, 0.5, 0};

class Solver {
 public:
  /// A decision gains bytes / seconds^cost_exponent. `first_trials` belongs to this model and `only_cheap`; the first
  /// solver that ranks candidates fills it in.
  Solver(const PartModel& model, bool only_cheap, double cost_exponent, FirstTrials& first_trials)
      : model_(model),
        cost_exponent_(cost_exponent),
        decisions_(at(model.values()), Decision::keep),
        uses_(uses_in_order(model)),
        scratch_{TrialScratch(model, uses_), TrialScratch(model, uses_)},
        first_trials_(first_trials) {
    for (int v = 0; v < model_.values(); ++v) {
      repeatable_.push_back(model_.producer(v) >= 0 && model_.step(model_.producer(v)).repeatable &&
                            (!only_cheap || model_.step(model_.producer(v)).cheap));
      if (repeatable_[at(v)]) decisions_[at(v)] = Decision::to_last_use;
    }
    scratch_[0].builder.run(decisions_, sequence_);
    residency_ = scratch_[0].builder.residency();
    model_.live(sequence_, scratch_[0].live, live_);
    seconds_ = model_.seconds(sequence_);
  }

  std::size_t peak() const { return *std::max_element(live_.begin(), live_.end()); }
  const std::vector<int>& sequence() const { return sequence_; }

  /// Changes decisions until the peak is at most `limit`. Returns false when it stays above; the changes made so far
  /// remain.
  bool lower_to(std::size_t limit) {
    limit_ = limit;
    excess_ = excess(live_);
    while (excess_ > 0)
      if (!take_best_move()) return false;
    return true;
  }

  /// Undoes decisions that turned out to be unnecessary.
  void relax(std::size_t limit) {
    std::vector<int> order(decisions_.size());
    std::iota(order.begin(), order.end(), 0);
    const auto cost = [&](int v) { return model_.producer(v) < 0 ? 0 : model_.step(model_.producer(v)).seconds; };
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return cost(a) > cost(b); });
    for (const int v : order)
      for (const Decision back : {Decision::keep, Decision::to_last_use, Decision::recompute}) {
        if (decisions_[at(v)] <= back || changes_nothing({v, back})) continue;
        const Trial& trial = try_change({v, back}, scratch_[0]);
        if (trial.seconds >= seconds_ || *std::max_element(trial.live.begin(), trial.live.end()) > limit) continue;
        take(scratch_[0]);
        break;
      }
  }

 private:
  struct Change {
    int value = -1;
    Decision decision = Decision::keep;
  };

  /// A sequence with one decision changed.
  struct Trial {
    Change change = {};
    double seconds = 0;
    std::vector<int> sequence = {};
    std::vector<std::size_t> live = {};
  };

  /// Scratch memory in which one thread tries changes.
  struct TrialScratch {
    TrialScratch(const PartModel& model, const std::vector<Uses>& uses) : builder(model, uses) {}

    SequenceBuilder builder;
    PartModel::Scratch live = {};
    std::vector<Decision> decisions = {};
    std::vector<int> sequence = {};
    Trial trial = {};
  };

  struct Candidate {
    double gain;
    int value;
    Decision decision;
    friend bool operator<(const Candidate& a, const Candidate& b) {
      return std::tuple(a.gain, b.value, b.decision) < std::tuple(b.gain, a.value, a.decision);
    }
  };

  double excess(const std::vector<std::size_t>& live) const {
    double sum = 0;
    for (const std::size_t bytes : live)
      if (bytes > limit_) sum += static_cast<double>(bytes - limit_);
    return sum;
  }

  const Trial& try_change(Change change, TrialScratch& scratch) const {
    Trial& trial = scratch.trial;
    scratch.decisions = decisions_;
    scratch.decisions[at(change.value)] = change.decision;
    trial.change = change;
    scratch.builder.run(scratch.decisions, scratch.sequence);
    if (scratch.sequence == trial.sequence) return trial;  // as decisions about one value often do
    std::swap(scratch.sequence, trial.sequence);
    model_.live(trial.sequence, scratch.live, trial.live);
    trial.seconds = model_.seconds(trial.sequence);
    return trial;
  }

  /// Applies the change that was tried last in `scratch`.
  void take(TrialScratch& scratch) {
    Trial& trial = scratch.trial;
    residency_ = scratch.builder.residency();
    decisions_[at(trial.change.value)] = trial.change.decision;
    std::swap(sequence_, trial.sequence);
    std::swap(live_, trial.live);
    std::swap(seconds_, trial.seconds);
    excess_ = excess(live_);
    changed_ = true;
  }

  /// How much less is alive above the limit, for the time it costs; 0: it does not help.
  double gain(int value, const std::vector<std::size_t>& live, double seconds) const {
    const double left = excess(live);
    if (left >= excess_) return 0;
    const double cost = std::max(seconds - seconds_, 1e-3 * model_.step(model_.producer(value)).seconds);
    return (excess_ - left) / std::pow(cost, cost_exponent_);
  }

  /// Returns true where the change is known to leave the sequence as it is: the value is not recomputed, and no step
  /// asks for its first copy after that copy would be freed.
  bool changes_nothing(Change change) const {
    const Residency& residency = residency_[at(change.value)];
    return change.decision == decisions_[at(change.value)] ||
           (!residency.recomputed && residency.last_request <= stays_until(uses_[at(change.value)], change.decision));
  }

  /// All changes of one decision that may be worth it.
  std::vector<Change> changes() const {
    std::vector<Change> list;
    const std::size_t worth = peak() / 2000;
    for (int v = 0; v < model_.values(); ++v) {
      if (!repeatable_[at(v)] || model_.bytes(v) < worth || model_.live_out(v)) continue;
      for (const Decision decision : {Decision::keep, Decision::to_last_use, Decision::recompute, Decision::each_time})
        if (!changes_nothing({v, decision})) list.push_back({v, decision});
    }
    return list;
  }

  /// Candidates: all changes that gain something now, the most promising first. Two threads try half of them each; the
  /// result does not depend on that.
  void rank_candidates() {
    candidates_ = {};
    const std::vector<Change> all = changes();
    std::vector<double> gains(all.size());
    const bool known = !changed_ && first_trials_.size() == all.size();
    if (!changed_) first_trials_.resize(all.size());
    const auto rank = [&](std::size_t begin, std::size_t end, TrialScratch& scratch) {
      for (std::size_t i = begin; i < end; ++i) {
        if (!known) {
          const Trial& trial = try_change(all[i], scratch);
          if (!changed_) first_trials_[i] = {trial.live, trial.seconds};
          gains[i] = gain(all[i].value, trial.live, trial.seconds);
        } else {
          gains[i] = gain(all[i].value, first_trials_[i].live, first_trials_[i].seconds);
        }
      }
    };
    const std::size_t half = known || all.size() < 64 ? all.size() : all.size() / 2;
    if (half < all.size()) {
      // Deferred: without room for another thread, the second half is ranked behind the first.
      std::future<void> other =
          std::async(std::launch::async | std::launch::deferred, [&] { rank(half, all.size(), scratch_[1]); });
      rank(0, half, scratch_[0]);
      other.get();
    } else {
      rank(0, half, scratch_[0]);
    }
    for (std::size_t i = 0; i < all.size(); ++i)
      if (gains[i] > 0) candidates_.push({gains[i], all[i].value, all[i].decision});
  }

  /// Applies the candidate with the highest gain. Gains shrink as others are applied. So a candidate whose updated gain
  /// exceeds the old gain of the next one is applied without updating the rest.
  bool take_best_move() {
    for (const bool fresh : {false, true}) {
      if (fresh) rank_candidates();
      while (!candidates_.empty()) {
        Candidate top = candidates_.top();
        candidates_.pop();
        if (changes_nothing({top.value, top.decision})) continue;
        const Trial& trial = try_change({top.value, top.decision}, scratch_[0]);
        top.gain = gain(top.value, trial.live, trial.seconds);
        if (top.gain <= 0) continue;
        if (!candidates_.empty() && top.gain < candidates_.top().gain) {
          candidates_.push(top);
          continue;
        }
        take(scratch_[0]);
        return true;
      }
    }
    return false;
  }

  const PartModel& model_;
  double cost_exponent_;
  std::vector<Decision> decisions_;  // by value
  std::vector<Uses> uses_;           // by value
  std::vector<bool> repeatable_;
  TrialScratch scratch_[2];
  FirstTrials& first_trials_;
  bool changed_ = false;  // a decision, since the beginning
  std::vector<int> sequence_;
  std::vector<Residency> residency_;  // in sequence_, by value
  std::vector<std::size_t> live_;
  std::priority_queue<Candidate> candidates_;
  double seconds_ = 0, excess_ = 0;
  std::size_t limit_ = 0;
};

}  // namespace

std::vector<int> sequence_that_fits(const PartModel& model, std::size_t arena_bytes, bool only_cheap) {
  std::vector<int> best;
  if (arena_bytes < model.least_possible()) return best;
  FirstTrials first_trials;
  for (const double cost_exponent : cost_exponents) {
    Solver solver(model, only_cheap, cost_exponent, first_trials);
    if (!solver.lower_to(arena_bytes)) continue;
    solver.relax(arena_bytes);
    if (best.empty() || model.seconds(solver.sequence()) < model.seconds(best)) best = solver.sequence();
  }
  return best;
}

std::vector<int> smallest_sequence(const PartModel& model, bool only_cheap) {
  FirstTrials first_trials;
  std::vector<int> best = Solver(model, only_cheap, 1, first_trials).sequence();
  std::size_t least = model.peak(best);
  for (const double cost_exponent : cost_exponents) {
    // Which decisions are best depends on how far one wants to go, so each limit is tried afresh.
    const bool first = cost_exponent == cost_exponents[0];
    std::size_t too_low = std::max(model.least_possible(), first ? 0 : least / 4 * 3), reached = least;
    const int halvings = first ? 6 : 3;
    for (int i = 0; i < halvings && too_low < reached; ++i) {
      const std::size_t limit = too_low + (reached - too_low) / 2;
      Solver solver(model, only_cheap, cost_exponent, first_trials);
      const bool fits = solver.lower_to(limit);
      if (fits) solver.relax(limit);
      (fits ? reached : too_low) = limit;
      if (solver.peak() >= least) continue;
      least = solver.peak();
      best = solver.sequence();
    }
  }
  return best;
}

}  // namespace sluice
