#include <sluice/mbp/packing.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

namespace sluice {
namespace {

bool overlap(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

/// Puts lifetimes down in `order`, each into the smallest gap that holds it between what is placed and alive with it,
/// else on top. Returns the peak.
std::size_t place_in_order(std::span<const Lifetime> lifetimes, std::span<const std::size_t> order,
                           std::vector<std::size_t>& offsets) {
  std::size_t peak = 0;
  std::vector<std::pair<std::size_t, std::size_t>> taken;  // [begin, end) of placed neighbours in time
  for (std::size_t done = 0; done < order.size(); ++done) {
    const Lifetime& item = lifetimes[order[done]];
    taken.clear();
    for (std::size_t j = 0; j < done; ++j)
      if (overlap(item, lifetimes[order[j]]))
        taken.emplace_back(offsets[order[j]], offsets[order[j]] + lifetimes[order[j]].bytes);
    std::sort(taken.begin(), taken.end());
    std::size_t best = 0, best_gap = std::numeric_limits<std::size_t>::max(), end = 0;
    bool found = false;
    for (const auto& [begin, stop] : taken) {
      if (begin > end && begin - end >= item.bytes && begin - end < best_gap) {
        best = end;
        best_gap = begin - end;
        found = true;
      }
      end = std::max(end, stop);
    }
    offsets[order[done]] = found ? best : end;
    peak = std::max(peak, offsets[order[done]] + item.bytes);
  }
  return peak;
}

}  // namespace

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

Packing pack(std::span<const Lifetime> lifetimes) {
  Packing best{.offsets = std::vector<std::size_t>(lifetimes.size()),
               .peak_bytes = 0,
               .lower_bound_bytes = largest_live_sum(lifetimes)};
  if (lifetimes.empty()) return best;
  best.peak_bytes = std::numeric_limits<std::size_t>::max();

  const auto duration = [&](std::size_t i) {
    return static_cast<std::size_t>(lifetimes[i].last - lifetimes[i].first + 1);
  };
  using Key = std::function<std::pair<std::size_t, std::size_t>(std::size_t)>;  // larger first
  const Key keys[] = {
      [&](std::size_t i) { return std::pair(lifetimes[i].bytes, duration(i)); },
      [&](std::size_t i) { return std::pair(duration(i), lifetimes[i].bytes); },
      [&](std::size_t i) { return std::pair(lifetimes[i].bytes * duration(i), lifetimes[i].bytes); },
      [&](std::size_t i) { return std::pair(~static_cast<std::size_t>(lifetimes[i].first), lifetimes[i].bytes); },
      [&](std::size_t i) { return std::pair(static_cast<std::size_t>(lifetimes[i].last), lifetimes[i].bytes); },
  };
  std::vector<std::size_t> order(lifetimes.size()), offsets(lifetimes.size());
  for (const Key& key : keys) {
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key(a) > key(b); });
    const std::size_t peak = place_in_order(lifetimes, order, offsets);
    if (peak < best.peak_bytes) {
      best.peak_bytes = peak;
      best.offsets = offsets;
    }
    if (best.peak_bytes == best.lower_bound_bytes) break;
  }
  return best;
}

}  // namespace sluice
