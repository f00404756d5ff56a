#include <sluice/mbp/pack/packing.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include <sluice/mbp/pack/beam.h>
#include <sluice/mbp/pack/effort.h>
#include <sluice/mbp/pack/ejection.h>
#include <sluice/mbp/pack/orders.h>
#include <sluice/mbp/pack/problem.h>
#include <sluice/mbp/pack/search.h>
#include <sluice/mbp/pack/trouble.h>

namespace sluice {
namespace {

using namespace packer;

/// Blocks that are placed in all orders whatever that costs; that are placed in orders at all; and that are searched
/// for: of larger problems a search would not see enough.
constexpr std::size_t most_for_all_orders = 1000, most_for_orders = 1 << 17, most_for_search = 1 << 13;

class Packer {
 public:
  /// `capacity` 0: as low as possible.
  Packer(const Problem& problem, std::size_t capacity, Effort& effort, std::size_t& peak_so_far)
      : problem_(problem),
        capacity_(capacity),
        enough_(std::max(problem.lower_bound_bytes, capacity)),
        bound_(problem.lower_bound_bytes),
        effort_(effort),
        peak_so_far_(peak_so_far) {}

  void construct() {
    if (problem_.blocks.size() <= most_for_all_orders) {
      Effort endless(Effort::endless);
      take(place_in_orders(problem_, enough_, endless));
      return;
    }
    take(sweep(problem_, false));
    if (!done()) take(sweep(problem_, true));
    if (!done() && problem_.blocks.size() <= most_for_orders) take(place_in_orders(problem_, enough_, effort_));
  }

  /// Turns of each kind of search, longer and longer.
  void improve() {
    if (done() || problem_.blocks.size() > most_for_search) return;
    std::optional<Ejection> ejection;
    if (Ejection::suits(problem_)) ejection.emplace(problem_, best_.offsets);
    if (problem_.has_fixed && !ejection) return;
    TroubledFirst troubled_first(problem_);
    std::optional<Beam> beam;
    if (!problem_.has_fixed) beam.emplace(problem_);
    constexpr std::int64_t first_turn = 4000;
    for (std::int64_t turn = first_turn; !done() && effort_.spend(1); turn *= 2) {
      // At first mostly these: plans have effort for little more.
      if (beam) run_rounds(*beam, turn == first_turn ? 4 * turn : turn);
      effort_.part(turn, [&] {
        while (!done() && !effort_.spent()) take(troubled_first.turn(enough_, effort_));
        return done();
      });
      if (!done()) look_for(enough_, turn);
      if (!done() && ejection) effort_.part(turn, [&] { return eject(*ejection); });
      if (capacity_ > 0) continue;
      // Then less ambitious targets, halfway to what there is.
      for (std::size_t target = middle(bound_); !done() && target + 1 < best_.peak_bytes; target = middle(target))
        if (look_for(target, turn / 4) == Outcome::found) break;
      if (!done()) look_for(best_.peak_bytes - 1, turn);
    }
  }

  bool done() const { return best_.peak_bytes <= enough_ || optimal() || (capacity_ > 0 && bound_ > capacity_); }
  bool optimal() const { return best_.peak_bytes == bound_; }
  std::size_t bound() const { return bound_; }
  const Placement& best() const { return best_; }

 private:
  void take(Placement found) {
    if (found.peak_bytes < best_.peak_bytes) best_ = std::move(found);
    peak_so_far_ = best_.peak_bytes;
  }
  std::size_t middle(std::size_t low) const { return low + (best_.peak_bytes - low) / 2; }

  Outcome look_for(std::size_t target, std::int64_t turn) {
    if (problem_.has_fixed || target < bound_ || target >= best_.peak_bytes) return Outcome::stopped;
    if (!matches_) matches_.emplace(problem_, effort_);
    std::vector<std::size_t> offsets;
    const Outcome outcome = effort_.part(turn, [&] { return search(problem_, *matches_, target, effort_, offsets); });
    if (outcome == Outcome::found) {
      const std::size_t peak = peak_of(problem_, offsets);
      take({.offsets = std::move(offsets), .peak_bytes = peak});
    }
    if (outcome == Outcome::impossible) bound_ = target + 1;
    return outcome;
  }
  /// Some rounds, as far as the turn has effort for them; where there are few ways, they take less than was reckoned.
  void run_rounds(Beam& beam, std::int64_t turn) {
    constexpr std::int64_t fewest_ways = 16, most_ways = 4096, fewest_rounds = 2, most_rounds = 6;
    const std::int64_t ways = std::clamp(turn / (fewest_rounds * beam.effort_per_way()), fewest_ways, most_ways);
    std::int64_t left = turn;
    for (int round = 0; round < most_rounds && !done() && !effort_.spent(); ++round) {
      if (left < ways * beam.effort_per_way()) break;
      const std::int64_t before = effort_.left();
      take(beam.round(enough_, static_cast<std::size_t>(ways), effort_));
      left -= before - effort_.left();
    }
  }
  /// Lowers the peak step by step.
  bool eject(Ejection& ejection) {
    if (best_.peak_bytes != ejected_peak_) ejection.restart(best_.offsets);
    while (!done() && !effort_.spent()) {
      const std::size_t above = best_.peak_bytes - enough_, step = std::max<std::size_t>(1, above / 8);
      if (!ejection.reach(best_.peak_bytes - step, effort_)) break;
      ejected_peak_ = peak_of(problem_, ejection.offsets());
      take({.offsets = ejection.offsets(), .peak_bytes = ejected_peak_});
    }
    ejected_peak_ = best_.peak_bytes;
    return done();
  }

  const Problem& problem_;
  std::size_t capacity_, enough_;
  std::size_t bound_;  ///< known: no packing is lower
  Effort& effort_;
  std::size_t& peak_so_far_;
  Placement best_;
  std::optional<Matches> matches_;
  std::size_t ejected_peak_ = nowhere;  ///< of the packing the ejection search goes on from
};

}  // namespace

Packing pack(std::span<const PackingItem> items, const PackingLimits& limits) {
  const auto start = std::chrono::steady_clock::now();
  const Problem problem = make_problem(items);
  Packing packing{.offsets = {}, .peak_bytes = 0, .lower_bound_bytes = problem.lower_bound_bytes};
  std::size_t peak_so_far = nowhere;
  const auto more = [&] {
    if (limits.progress && !limits.progress(peak_so_far)) return false;
    return !limits.seconds ||
           std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < *limits.seconds;
  };
  Effort effort(limits.seconds ? Effort::endless : limits.effort,
                limits.seconds || limits.progress ? std::function<bool()>(more) : std::function<bool()>());
  Packer packer(problem, limits.capacity_bytes, effort, peak_so_far);
  if (!problem.blocks.empty()) {
    packer.construct();
    packer.improve();
    packing.peak_bytes = packer.best().peak_bytes;
  }
  packing.proven_bound_bytes = packer.bound();
  packing.offsets = item_offsets(problem, items, packer.best().offsets);
  return packing;
}

}  // namespace sluice
