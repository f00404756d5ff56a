#include <sluice/mbp/packing.h>

#include <algorithm>
#include <chrono>

#include <sluice/mbp/packing_effort.h>
#include <sluice/mbp/packing_local.h>
#include <sluice/mbp/packing_orders.h>
#include <sluice/mbp/packing_problem.h>
#include <sluice/mbp/packing_search.h>

namespace sluice {
namespace {

using namespace packer;

/// Larger problems are left at what the first placements found: a search would not see enough of them.
constexpr std::size_t most_for_orders = 1 << 17, most_for_search = 1 << 13;

class Packer {
 public:
  Packer(const Problem& problem, std::size_t enough, Effort& effort)
      : problem_(problem),
        enough_(enough),
        effort_(effort) {}

  void construct() {
    if (problem_.blocks.size() > 1000) {
      take(sweep(problem_, false));
      if (!done()) take(sweep(problem_, true));
    }
    if (done() || problem_.blocks.size() > most_for_orders) return;
    take(problem_.blocks.size() > 1000 ? place_in_orders(problem_, enough_, effort_) : place_at_any_cost());
  }

  /// Turns of each kind of search, longer and longer.
  void improve() {
    if (problem_.blocks.size() > most_for_search || best_.order.size() < 2) return;
    constexpr std::int64_t first_turn = 4000;
    for (std::int64_t turn = first_turn; !done() && !effort_.spent(); turn *= 2) {
      look_for(enough_, turn);
      if (!done())
        effort_.part(turn, [&] {
          improve_order(problem_, enough_, effort_, best_, static_cast<std::uint32_t>(turn));
          return 0;
        });
      // Then less ambitious ones, halfway to what there is.
      for (std::size_t target = middle(impossible_); !done() && target + 1 < best_.peak_bytes; target = middle(target))
        if (look_for(target, turn / 4) == Outcome::found) break;
      if (!done()) look_for(best_.peak_bytes - 1, turn);
    }
  }

  bool done() const { return best_.peak_bytes <= enough_ || optimal(); }
  bool optimal() const { return best_.peak_bytes <= problem_.lower_bound_bytes || best_.peak_bytes == impossible_ + 1; }
  const Ordered& best() const { return best_; }

 private:
  Ordered place_at_any_cost() {
    Effort endless(Effort::endless);
    return place_in_orders(problem_, enough_, endless);
  }
  void take(Ordered found) {
    if (found.peak_bytes < best_.peak_bytes) best_ = std::move(found);
  }
  std::size_t middle(std::size_t low) const {
    low = std::max(low, enough_);
    return low + (best_.peak_bytes - low) / 2;
  }

  Outcome look_for(std::size_t target, std::int64_t turn) {
    if (problem_.has_fixed || target <= impossible_ || target >= best_.peak_bytes) return Outcome::stopped;
    std::vector<std::size_t> offsets;
    const Outcome outcome = effort_.part(turn, [&] { return search(problem_, target, effort_, offsets); });
    if (outcome == Outcome::found) {
      best_.offsets = std::move(offsets);
      best_.peak_bytes = peak_of(problem_, best_.offsets);
      order_by_offset();
    }
    if (outcome == Outcome::impossible) impossible_ = target;
    return outcome;
  }
  /// An order that gives the same packing or a lower one.
  void order_by_offset() {
    best_.order.clear();
    for (int b = 0; b < static_cast<int>(problem_.blocks.size()); ++b) best_.order.push_back(b);
    std::stable_sort(best_.order.begin(), best_.order.end(), [&](int a, int b) {
      return best_.offsets[static_cast<std::size_t>(a)] < best_.offsets[static_cast<std::size_t>(b)];
    });
  }

  const Problem& problem_;
  std::size_t enough_, impossible_ = 0;
  Effort& effort_;
  Ordered best_;
};

}  // namespace

Packing pack(std::span<const PackingItem> items, const PackingLimits& limits) {
  const auto start = std::chrono::steady_clock::now();
  const Problem problem = make_problem(items);
  Packing packing{.offsets = {}, .peak_bytes = 0, .lower_bound_bytes = problem.lower_bound_bytes};
  std::size_t peak = nowhere;
  const auto more = [&] {
    if (limits.progress && !limits.progress(peak)) return false;
    return !limits.seconds ||
           std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < *limits.seconds;
  };
  Effort effort(limits.seconds ? Effort::endless : limits.effort,
                limits.seconds || limits.progress ? std::function<bool()>(more) : std::function<bool()>());
  Packer packer(problem, std::max(problem.lower_bound_bytes, limits.capacity_bytes), effort);
  if (!problem.blocks.empty()) {
    packer.construct();
    peak = packer.best().peak_bytes;
    packer.improve();
    packing.peak_bytes = packer.best().peak_bytes;
    packing.proven_optimal = packer.optimal();
  } else {
    packing.proven_optimal = true;
  }
  packing.offsets = item_offsets(problem, items, packer.best().offsets);
  return packing;
}

Packing pack(std::span<const Lifetime> lifetimes, const PackingLimits& limits) {
  std::vector<PackingItem> items;
  items.reserve(lifetimes.size());
  for (const Lifetime& l : lifetimes)
    items.push_back({.lower = l.first, .upper = std::int64_t{l.last} + 1, .bytes = l.bytes});
  return pack(items, limits);
}

std::size_t largest_live_sum(std::span<const Lifetime> lifetimes) {
  std::vector<std::pair<int, std::ptrdiff_t>> events;
  for (const Lifetime& l : lifetimes) {
    events.emplace_back(2 * l.first, static_cast<std::ptrdiff_t>(l.bytes));
    events.emplace_back(2 * l.last + 1, -static_cast<std::ptrdiff_t>(l.bytes));
  }
  std::sort(events.begin(), events.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::ptrdiff_t live = 0, largest = 0;
  for (const auto& [when, change] : events) largest = std::max(largest, live += change);
  return static_cast<std::size_t>(largest);
}

}  // namespace sluice
