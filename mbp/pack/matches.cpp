#include <sluice/mbp/pack/matches.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include <sluice/core/at.h>

namespace sluice::packer {
namespace {

constexpr std::size_t most_at_boundary = 22;

struct Side {
  int block;
  bool ends;
  std::int64_t bytes;  ///< negative for those that begin
};

/// All subsets of up to 2^11 elements, by their sums, and of equal sums the smallest first.
struct Subset {
  std::int64_t sum;
  std::uint32_t members;
};
std::vector<Subset> subsets_of(const std::vector<Side>& sides, std::size_t first, std::size_t last) {
  std::vector<Subset> subsets{{0, 0}};
  for (std::size_t i = first; i < last; ++i)
    for (std::size_t s = 0, count = subsets.size(); s < count; ++s)
      subsets.push_back({subsets[s].sum + sides[i].bytes, subsets[s].members | std::uint32_t{1} << i});
  std::sort(subsets.begin(), subsets.end(), [](const Subset& a, const Subset& b) {
    if (a.sum != b.sum) return a.sum < b.sum;
    const int few = std::popcount(a.members), more = std::popcount(b.members);
    return few != more ? few < more : a.members < b.members;
  });
  return subsets;
}

/// The smallest set of sides whose bytes cancel out, or 0.
std::uint32_t smallest_group(const std::vector<Side>& sides) {
  const std::size_t middle = sides.size() / 2;
  const std::vector<Subset> low = subsets_of(sides, 0, middle), high = subsets_of(sides, middle, sides.size());
  std::uint32_t best = 0;
  const auto consider = [&](std::uint32_t members) {
    if (members && (!best || std::popcount(members) < std::popcount(best))) best = members;
  };
  auto h = high.rbegin();  // of equal sums the smallest is last here
  for (std::size_t l = 0; l < low.size(); ++l) {
    if (l > 0 && low[l].sum == low[l - 1].sum && low[l - 1].members != 0) continue;
    while (h != high.rend() && h->sum > -low[l].sum) ++h;
    auto same = h;
    std::uint32_t smallest = 0, smallest_not_empty = 0;
    bool found = false;
    for (; same != high.rend() && same->sum == -low[l].sum; ++same) {
      if (!found || std::popcount(same->members) < std::popcount(smallest)) smallest = same->members;
      if (same->members && (!smallest_not_empty || std::popcount(same->members) < std::popcount(smallest_not_empty)))
        smallest_not_empty = same->members;
      found = true;
    }
    if (!found) continue;
    consider(low[l].members ? low[l].members | smallest : smallest_not_empty);
  }
  return best;
}

}  // namespace

Matches::Matches(const Problem& problem, Effort& effort)
    : begin_group(problem.blocks.size(), -1),
      end_group(problem.blocks.size(), -1) {
  std::vector<std::vector<Side>> boundaries(at(problem.sections) + 1);
  std::vector<int> crossing(at(problem.sections) + 1);
  for (int b = 0; b < static_cast<int>(problem.blocks.size()); ++b) {
    const Block& block = problem.blocks[at(b)];
    boundaries[at(block.begin)].push_back({b, false, -static_cast<std::int64_t>(problem.room(block))});
    boundaries[at(block.end)].push_back({b, true, static_cast<std::int64_t>(problem.room(block))});
    for (int s = block.begin + 1; s < block.end; ++s) ++crossing[at(s)];
  }
  int groups = 0;
  for (int t = 1; t < problem.sections; ++t) {
    std::vector<Side>& sides = boundaries[at(t)];
    if (crossing[at(t)] == 0 || sides.size() > most_at_boundary) continue;
    while (sides.size() >= 2) {
      if (!effort.spend(1 + (std::int64_t{1} << sides.size() / 2) / 4)) return;
      const std::uint32_t group = smallest_group(sides);
      if (group == 0) break;
      for (std::size_t i = sides.size(); i-- > 0;) {
        if (!(group >> i & 1)) continue;
        (sides[i].ends ? end_group : begin_group)[at(sides[i].block)] = groups;
        sides.erase(sides.begin() + static_cast<std::ptrdiff_t>(i));
      }
      ++groups;
    }
  }
}

}  // namespace sluice::packer
