#include <sluice/mbp/plan/pack_lifetimes.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace sluice {

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
