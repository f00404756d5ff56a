#include <sluice/mbp/pack/beam.h>

#include <algorithm>
#include <cstdlib>
#include <unordered_set>

#include <sluice/core/at.h>

namespace sluice::packer {
namespace {

constexpr std::int64_t wall = -1;  ///< instead of the time a neighbour has left: floor or ceiling

/// What two neighbours cost that touch: as long as only one of them is there, there is a gap. The walls last for ever
/// and still cost nothing, or what dies first would be drawn to the middle, where its gap grows at both ends.
std::int64_t seam(std::int64_t below, std::int64_t above) {
  return below == wall || above == wall ? 0 : std::abs(below - above);
}
/// The same with a gap between them.
std::int64_t seams(std::int64_t below, std::int64_t above) {
  return std::max<std::int64_t>(below, 0) + std::max<std::int64_t>(above, 0);
}

/// Equal for memory that looks the same from now on: touching blocks that end together are as one.
template <class Lying>
std::uint64_t look(const std::vector<Lying>& lying) {
  std::uint64_t key = 0;
  for (std::size_t i = 0, next; i < lying.size(); i = next) {
    for (next = i + 1;
         next < lying.size() && lying[next].begin == lying[next - 1].end && lying[next].stop == lying[i].stop;)
      ++next;
    key += mix(mix(mix(lying[i].begin) + lying[next - 1].end) + static_cast<std::uint64_t>(lying[i].stop));
  }
  return key;
}

}  // namespace

Beam::Beam(const Problem& problem) : problem_(problem) {
  std::vector<std::int64_t> alive(at(problem.sections) + 1), begun(at(problem.sections) + 1);
  for (const Block& block : problem.blocks) {
    ++begun[at(block.begin)];
    ++alive[at(block.begin)];
    --alive[at(block.end)];
  }
  std::int64_t sum = 0;
  for (int s = 0; s < problem.sections; ++s) {
    if (s > 0) alive[at(s)] += alive[at(s - 1)];
    sum += (begun[at(s)] + 1) * (alive[at(s)] + 8);
  }
  effort_per_way_ = 1 + sum / 160;
}

/// The first rounds are plain; then what counts how much is drawn by lot.
void Beam::weigh_sections() {
  const bool plain = rounds_ < 2;
  const std::size_t power = plain ? 0 : engine_() % 9;
  const std::size_t range = plain ? 0 : engine_() % 5;
  constexpr double horizons[] = {0, 3, 10, 30, 100};  // in sections
  time_.assign(1, 0);
  for (int s = 0; s < problem_.sections; ++s) {
    const int section = backwards_ ? problem_.sections - 1 - s : s;
    const double full =
        static_cast<double>(problem_.live[at(section)]) / static_cast<double>(problem_.lower_bound_bytes);
    double weight = 1024;
    for (std::size_t p = 0; p < power; ++p) weight *= full;
    if (!plain) weight *= static_cast<double>(engine_() % 1024 + 512) / 1024;
    time_.push_back(time_.back() + 1 + static_cast<std::int64_t>(weight));
  }
  largest_first_ = !plain && engine_() % 2 == 0;
  const std::size_t spread = plain ? 0 : engine_() % 3 * 256;
  bias_.assign(problem_.blocks.size(), 1024);
  if (spread > 0)
    for (std::int64_t& bias : bias_)
      bias += static_cast<std::int64_t>(engine_() % spread) - static_cast<std::int64_t>(spread / 2);
  horizon_ = static_cast<std::int64_t>(horizons[range] * 1024);
}

/// What the time that `block` has left at the beginning of `section` counts; with a horizon, never more than that.
std::int64_t Beam::rest(int block, int section) const {
  const std::int64_t time = time_[at(stop_section(problem_.blocks[at(block)]))] - time_[at(section)];
  return (horizon_ == 0 ? time : time * horizon_ / (time + horizon_)) * bias_[at(block)] / 1024;
}

Placement Beam::round(std::size_t target, std::size_t ways, Effort& effort) {
  backwards_ = rounds_ % 2 == 1;
  weigh_sections();
  ++rounds_;
  std::vector<std::vector<int>> births(at(problem_.sections));
  for (int b = 0; b < static_cast<int>(problem_.blocks.size()); ++b)
    births[at(first_section(problem_.blocks[at(b)]))].push_back(b);
  ways_.assign(1, {});
  pasts_.clear();
  placed_.clear();
  for (int s = 0; s < problem_.sections; ++s) {
    std::vector<int>& fresh = births[at(s)];
    std::sort(fresh.begin(), fresh.end(), [&](int a, int b) {
      const Block &x = problem_.blocks[at(a)], &y = problem_.blocks[at(b)];
      if (!largest_first_ && stop_section(x) != stop_section(y)) return stop_section(x) > stop_section(y);
      return x.bytes != y.bytes ? x.bytes > y.bytes : a < b;
    });
    enter(s);
    for (const int b : fresh) {
      const int stop = stop_section(problem_.blocks[at(b)]);
      if (!place({0, 0, b, stop, rest(b, s), true}, target, ways, effort)) return {};
    }
    leave();
  }
  return best();
}

/// What ends before `section` goes.
void Beam::enter(int section) {
  for (Way& way : ways_) {
    std::erase_if(way.lying, [&](const Lying& l) { return l.stop <= section; });
    way.cost = 0;
    std::int64_t below = wall;
    std::size_t top = 0;
    for (Lying& l : way.lying) {
      l.fresh = false;
      l.rest = rest(l.block, section);
      way.cost += l.begin > top ? seams(below, l.rest) : seam(below, l.rest);
      below = l.rest;
      top = l.end;
    }
    way.cost += seams(below, wall);
  }
}

/// Offsets of what is fresh are final.
void Beam::leave() {
  for (Way& way : ways_) {
    const std::size_t first = placed_.size();
    for (const Lying& l : way.lying)
      if (l.fresh) placed_.push_back({l.block, l.begin});
    pasts_.push_back({way.past, first, placed_.size()});
    way.past = static_cast<int>(pasts_.size()) - 1;
  }
}

/// Places the block in all ways and keeps the best. Where it fits nowhere, raises `limit`. Returns false when `effort`
/// is spent.
bool Beam::place(const Lying& block, std::size_t& limit, std::size_t ways, Effort& effort) {
  while (true) {
    const std::size_t needed = choose(block, limit);
    if (!choices_.empty()) break;
    limit = needed;
  }
  const auto better = [](const Choice& a, const Choice& b) {
    if (a.cost != b.cost) return a.cost < b.cost;
    if (a.way != b.way) return a.way < b.way;
    return a.gap != b.gap ? a.gap < b.gap : a.spot < b.spot;
  };
  // More than are retained, as many look the same.
  const std::size_t most = std::min(choices_.size(), 4 * ways);
  std::nth_element(choices_.begin(), choices_.begin() + static_cast<std::ptrdiff_t>(most - 1), choices_.end(), better);
  choices_.resize(most);
  std::sort(choices_.begin(), choices_.end(), better);
  std::unordered_set<std::uint64_t> seen;
  std::size_t retained = 0, lying = 0;
  for (const Choice& choice : choices_) {
    if (retained == ways) break;
    if (next_.size() == retained) next_.emplace_back();
    Way& way = next_[retained];
    way = ways_[at(choice.way)];
    put(way, choice, block, limit);
    way.cost = choice.cost;
    lying += way.lying.size() + 8;
    retained += seen.insert(look(way.lying)).second;
  }
  next_.resize(retained);
  std::swap(ways_, next_);
  return effort.spend(1 + static_cast<std::int64_t>(lying) / 160);
}

/// Collects the places of the block in all ways, up to `limit`. Returns the least limit above it that has one.
std::size_t Beam::choose(const Lying& fresh, std::size_t limit) {
  const Block& block = problem_.blocks[at(fresh.block)];
  const std::size_t room = problem_.room(block);
  const bool can_shift = problem_.common_alignment != 0;
  std::size_t needed = nowhere;
  choices_.clear();
  for (int w = 0; w < static_cast<int>(ways_.size()); ++w) {
    const std::vector<Lying>& lying = ways_[at(w)].lying;
    const int count = static_cast<int>(lying.size());
    for (int gap = 0; gap <= count; ++gap) {
      const std::size_t begin = gap > 0 ? lying[at(gap - 1)].end : 0, end = gap < count ? lying[at(gap)].begin : limit;
      if (gap < count && begin == end) continue;
      const std::size_t offset = align_up(begin, block.alignment);
      if (offset + block.bytes > end) {
        if (gap == count) needed = std::min(needed, offset + block.bytes);
        continue;
      }
      const auto rest_of = [&](int i) { return i >= 0 && i < count ? lying[at(i)].rest : wall; };
      const std::int64_t below = rest_of(gap - 1), above = rest_of(gap);
      const std::int64_t others = ways_[at(w)].cost - seams(below, above);
      const bool fills = offset + room >= end && gap < count;
      if (fills) {
        choices_.push_back({others + seam(below, fresh.rest) + seam(fresh.rest, above), w, gap, Spot::on_top});
      } else {
        choices_.push_back({others + seam(below, fresh.rest) + seams(fresh.rest, above), w, gap, Spot::on_top});
        choices_.push_back({others + seams(below, fresh.rest) + seam(fresh.rest, above), w, gap, Spot::under});
      }
      if (!can_shift || offset + room > end) continue;
      // Between two neighbours that touch.
      const std::int64_t closed = others + (fills ? seam(below, above) : seams(below, above));
      const auto squeeze = [&](int lower, Spot spot) {
        const std::int64_t l = rest_of(lower), u = rest_of(lower + 1);
        choices_.push_back({closed + seam(l, fresh.rest) + seam(fresh.rest, u) - seam(l, u), w, gap, spot});
      };
      int bottom = gap, ceiling = gap;
      while (bottom > 0 && lying[at(bottom - 1)].fresh &&
             (bottom == gap || lying[at(bottom - 1)].end == lying[at(bottom)].begin))
        --bottom;
      while (ceiling < count && lying[at(ceiling)].fresh &&
             (ceiling == gap || lying[at(ceiling - 1)].end == lying[at(ceiling)].begin))
        ++ceiling;
      if (bottom < gap && fresh.rest != below) squeeze(bottom - 1, Spot::at_bottom);
      if (ceiling > gap && fresh.rest != above) squeeze(ceiling - 1, Spot::at_ceiling);
    }
  }
  return needed;
}

void Beam::put(Way& way, const Choice& choice, const Lying& fresh, std::size_t limit) const {
  const Block& block = problem_.blocks[at(fresh.block)];
  const std::size_t room = problem_.room(block);
  std::vector<Lying>& lying = way.lying;
  const int count = static_cast<int>(lying.size());
  const auto insert = [&](int index, std::size_t offset) {
    Lying l = fresh;
    l.begin = offset;
    l.end = offset + room;
    lying.insert(lying.begin() + index, l);
  };
  int i = choice.gap;
  switch (choice.spot) {
    case Spot::on_top: return insert(i, align_up(i > 0 ? lying[at(i - 1)].end : 0, block.alignment));
    case Spot::under: {
      const std::size_t end = i < count ? lying[at(i)].begin : limit;
      return insert(i, (end - block.bytes) / block.alignment * block.alignment);
    }
    case Spot::at_bottom:
      do {
        --i;
        lying[at(i)].begin += room;
        lying[at(i)].end += room;
      } while (i > 0 && lying[at(i - 1)].fresh && lying[at(i - 1)].end == lying[at(i)].begin - room);
      return insert(i, lying[at(i)].begin - room);
    case Spot::at_ceiling:
      do {
        lying[at(i)].begin -= room;
        lying[at(i)].end -= room;
        ++i;
      } while (i < count && lying[at(i)].fresh && lying[at(i)].begin == lying[at(i - 1)].end + room);
      return insert(i, lying[at(i - 1)].end);
  }
}

Placement Beam::best() const {
  Placement best;
  for (const Way& way : ways_) {
    std::vector<std::size_t> offsets(problem_.blocks.size());
    for (int p = way.past; p >= 0; p = pasts_[at(p)].before)
      for (std::size_t i = pasts_[at(p)].first; i < pasts_[at(p)].last; ++i)
        offsets[at(placed_[i].block)] = placed_[i].offset;
    const std::size_t peak = peak_of(problem_, offsets);
    if (peak < best.peak_bytes) best = {.offsets = std::move(offsets), .peak_bytes = peak};
  }
  return best;
}

}  // namespace sluice::packer
