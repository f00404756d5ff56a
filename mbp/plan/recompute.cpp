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

constexpr double attempts[] = {1, 0.5, 0};  // thrift: no single one finds the best sequence everywhere

class Solver {
 public:
  /// `thrift`: how much the time that a decision costs counts beside the memory it saves; 1: in proportion.
  /// `first_trials`: of this model and `only_cheap`; filled in by the first solver that ranks.
  Solver(const PartModel& model, bool only_cheap, double thrift, FirstTrials& first_trials)
      : model_(model),
        thrift_(thrift),
        decisions_(at(model.values()), Decision::keep),
        uses_(uses_in_order(model)),
        benches_{Bench(model, uses_), Bench(model, uses_)},
        first_trials_(first_trials) {
    for (int v = 0; v < model_.values(); ++v) {
      repeatable_.push_back(model_.producer(v) >= 0 && model_.step(model_.producer(v)).repeatable &&
                            (!only_cheap || model_.step(model_.producer(v)).cheap));
      if (repeatable_[at(v)]) decisions_[at(v)] = Decision::to_last_use;
    }
    benches_[0].builder.run(decisions_, sequence_);
    fates_ = benches_[0].builder.fates();
    model_.live(sequence_, benches_[0].scratch, live_);
    seconds_ = model_.seconds(sequence_);
  }

  std::size_t peak() const { return *std::max_element(live_.begin(), live_.end()); }
  const std::vector<int>& sequence() const { return sequence_; }

  /// False: the peak stays above `limit`; the best that was found on the way stays.
  bool lower_to(std::size_t limit) {
    limit_ = limit;
    excess_ = excess(live_);
    while (excess_ > 0)
      if (!take_best_move()) return false;
    return true;
  }

  /// Takes back decisions that turned out not to be needed.
  void relax(std::size_t limit) {
    std::vector<int> order(decisions_.size());
    std::iota(order.begin(), order.end(), 0);
    const auto cost = [&](int v) { return model_.producer(v) < 0 ? 0 : model_.step(model_.producer(v)).seconds; };
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return cost(a) > cost(b); });
    for (const int v : order)
      for (const Decision back : {Decision::keep, Decision::to_last_use, Decision::recompute}) {
        if (decisions_[at(v)] <= back || changes_nothing({v, back})) continue;
        const Trial& trial = try_change({v, back}, benches_[0]);
        if (trial.seconds >= seconds_ || *std::max_element(trial.live.begin(), trial.live.end()) > limit) continue;
        take(benches_[0]);
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

  /// Where a thread tries changes.
  struct Bench {
    Bench(const PartModel& model, const std::vector<Uses>& uses) : builder(model, uses) {}

    SequenceBuilder builder;
    PartModel::Scratch scratch = {};
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

  const Trial& try_change(Change change, Bench& bench) const {
    Trial& trial = bench.trial;
    bench.decisions = decisions_;
    bench.decisions[at(change.value)] = change.decision;
    trial.change = change;
    bench.builder.run(bench.decisions, bench.sequence);
    if (bench.sequence == trial.sequence) return trial;  // as decisions about one value often do
    std::swap(bench.sequence, trial.sequence);
    model_.live(trial.sequence, bench.scratch, trial.live);
    trial.seconds = model_.seconds(trial.sequence);
    return trial;
  }

  /// Takes the change that was tried last on the bench.
  void take(Bench& bench) {
    Trial& trial = bench.trial;
    fates_ = bench.builder.fates();
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
    return (excess_ - left) / std::pow(cost, thrift_);
  }

  /// Whether the sequence stays the same, as far as that is known without building it: the value is not computed again,
  /// and nobody would miss it.
  bool changes_nothing(Change change) const {
    const Fate& fate = fates_[at(change.value)];
    return change.decision == decisions_[at(change.value)] ||
           (!fate.again && fate.last_wanted <= stays_until(uses_[at(change.value)], change.decision));
  }

  /// All changes of one decision that may be worth it.
  std::vector<Change> changes() const {
    std::vector<Change> list;
    const std::size_t worth = peak() / 2000;
    for (int v = 0; v < model_.values(); ++v) {
      if (!repeatable_[at(v)] || model_.bytes(v) < worth || model_.kept_to_end(v)) continue;
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
    const auto rank = [&](std::size_t begin, std::size_t end, Bench& bench) {
      for (std::size_t i = begin; i < end; ++i) {
        if (!known) {
          const Trial& trial = try_change(all[i], bench);
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
          std::async(std::launch::async | std::launch::deferred, [&] { rank(half, all.size(), benches_[1]); });
      rank(0, half, benches_[0]);
      other.get();
    } else {
      rank(0, half, benches_[0]);
    }
    for (std::size_t i = 0; i < all.size(); ++i)
      if (gains[i] > 0) candidates_.push({gains[i], all[i].value, all[i].decision});
  }

  /// Takes the candidate that still gains most. Gains shrink as others are taken, so one that, looked at again, is
  /// ahead of what the next one once was, is taken without looking at the rest.
  bool take_best_move() {
    for (const bool fresh : {false, true}) {
      if (fresh) rank_candidates();
      while (!candidates_.empty()) {
        Candidate top = candidates_.top();
        candidates_.pop();
        if (changes_nothing({top.value, top.decision})) continue;
        const Trial& trial = try_change({top.value, top.decision}, benches_[0]);
        top.gain = gain(top.value, trial.live, trial.seconds);
        if (top.gain <= 0) continue;
        if (!candidates_.empty() && top.gain < candidates_.top().gain) {
          candidates_.push(top);
          continue;
        }
        take(benches_[0]);
        return true;
      }
    }
    return false;
  }

  const PartModel& model_;
  double thrift_;
  std::vector<Decision> decisions_;  // by value
  std::vector<Uses> uses_;           // by value
  std::vector<bool> repeatable_;
  Bench benches_[2];
  FirstTrials& first_trials_;
  bool changed_ = false;  // a decision, since the beginning
  std::vector<int> sequence_;
  std::vector<Fate> fates_;  // in it, by value
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
  for (const double thrift : attempts) {
    Solver solver(model, only_cheap, thrift, first_trials);
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
  for (const double thrift : attempts) {
    // Which decisions are best depends on how far one wants to go, so each limit is tried afresh.
    const bool first = thrift == attempts[0];
    std::size_t too_low = std::max(model.least_possible(), first ? 0 : least / 4 * 3), reached = least;
    const int halvings = first ? 6 : 3;
    for (int i = 0; i < halvings && too_low < reached; ++i) {
      const std::size_t limit = too_low + (reached - too_low) / 2;
      Solver solver(model, only_cheap, thrift, first_trials);
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
