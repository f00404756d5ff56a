#include <sluice/mbp/pack/orders.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include <sluice/core/at.h>

namespace sluice::packer {
namespace {

std::vector<int> movable_blocks(const Problem& problem) {
  std::vector<int> blocks;
  for (int b = 0; b < static_cast<int>(problem.blocks.size()); ++b)
    if (!problem.blocks[at(b)].is_fixed()) blocks.push_back(b);
  return blocks;
}

/// Memory as an allocator sees it: gaps between what is alive, and no end above.
class Heap {
 public:
  std::size_t take(std::size_t bytes, std::size_t alignment) {
    constexpr int tries = 16;  // with alignment, a gap that is large enough may still not hold it
    int tried = 0;
    for (auto it = by_size_.lower_bound({bytes, 0}); it != by_size_.end() && tried < tries; ++it, ++tried) {
      const auto [size, offset] = *it;
      const std::size_t start = align_up(offset, alignment);
      if (start + bytes > offset + size) continue;
      remove(offset, size);
      if (start > offset) add(offset, start - offset);
      if (offset + size > start + bytes) add(start + bytes, offset + size - start - bytes);
      return start;
    }
    // On top, or reaching over it from the gap below.
    std::size_t from = top_;
    if (!gaps_.empty() && gaps_.rbegin()->first + gaps_.rbegin()->second == top_) {
      from = gaps_.rbegin()->first;
      remove(from, top_ - from);
    }
    const std::size_t start = align_up(from, alignment);
    if (start > from) add(from, start - from);
    top_ = start + bytes;
    return start;
  }
  void give(std::size_t offset, std::size_t bytes) {
    auto next = gaps_.lower_bound(offset);
    if (next != gaps_.end() && next->first == offset + bytes) {
      const std::size_t size = next->second;
      remove(offset + bytes, size);
      bytes += size;
      next = gaps_.lower_bound(offset);
    }
    if (next != gaps_.begin()) {
      const auto [below, size] = *std::prev(next);
      if (below + size == offset) {
        remove(below, size);
        offset = below;
        bytes += size;
      }
    }
    add(offset, bytes);
  }

 private:
  void add(std::size_t offset, std::size_t size) {
    gaps_[offset] = size;
    by_size_.emplace(size, offset);
  }
  void remove(std::size_t offset, std::size_t size) {
    gaps_.erase(offset);
    by_size_.erase({size, offset});
  }

  std::map<std::size_t, std::size_t> gaps_;                // offset to size
  std::set<std::pair<std::size_t, std::size_t>> by_size_;  // size, offset
  std::size_t top_ = 0;
};

}  // namespace

Placer::Placer(const Problem& problem) : problem_(problem), offsets_(problem.blocks.size()) {
  for (std::size_t b = 0; b < problem.blocks.size(); ++b) {
    if (!problem.blocks[b].is_fixed()) continue;
    offsets_[b] = problem.blocks[b].fixed;
    insert(problem.blocks[b], offsets_[b]);
  }
  fixed_ = placed_;
}

void Placer::insert(const Block& block, std::size_t offset) {
  const auto where = std::upper_bound(placed_.begin(), placed_.end(), offset,
                                      [](std::size_t o, const Placed& p) { return o < p.offset; });
  placed_.insert(where, {offset, offset + block.bytes, block.begin, block.end});
}

std::size_t Placer::offset_for(const Block& block, Fit fit) const {
  std::size_t candidate = 0, best = nowhere, best_gap = nowhere;
  for (const Placed& other : placed_) {
    if (other.stop <= block.begin || block.end <= other.begin) continue;
    if (other.offset >= candidate + block.bytes) {
      if (fit == Fit::lowest) return candidate;
      if (other.offset - candidate < best_gap) {
        best = candidate;
        best_gap = other.offset - candidate;
      }
    }
    if (other.end > candidate) candidate = align_up(other.end, block.alignment);
  }
  return best != nowhere ? best : candidate;
}

std::size_t Placer::place(std::span<const int> order, Fit fit, Effort& effort, std::size_t limit) {
  placed_ = fixed_;
  std::size_t peak = 0;
  for (const Placed& placed : fixed_) peak = std::max(peak, placed.end);
  for (const int b : order) {
    const Block& block = problem_.blocks[at(b)];
    const std::size_t offset = offset_for(block, fit);
    peak = std::max(peak, offset + block.bytes);
    if (peak > limit) return nowhere;
    insert(block, offset);
    offsets_[at(b)] = offset;
    if (placed_.size() % 512 == 0 && !effort.spend(static_cast<std::int64_t>(placed_.size()))) return nowhere;
  }
  effort.spend(1 + static_cast<std::int64_t>(placed_.size() % 512 * placed_.size() / 1024));
  return peak;
}

std::vector<std::vector<int>> placing_orders(const Problem& problem) {
  const auto block = [&](int b) -> const Block& { return problem.blocks[at(b)]; };
  const auto duration = [&](int b) { return static_cast<double>(block(b).end - block(b).begin); };
  const auto bytes = [&](int b) { return static_cast<double>(block(b).bytes); };
  const std::function<double(int)> keys[] = {
      // larger first
      bytes,
      duration,
      [&](int b) { return bytes(b) * duration(b); },
      [&](int b) { return -static_cast<double>(block(b).begin); },
      [&](int b) { return static_cast<double>(block(b).end); },
      [&](int b) { return bytes(b) * duration(b) * duration(b); },
  };
  std::vector<std::vector<int>> orders;
  std::vector<std::pair<double, int>> sorted;
  for (const auto& key : keys) {
    sorted.clear();
    for (const int b : movable_blocks(problem)) sorted.emplace_back(-key(b), b);
    std::sort(sorted.begin(), sorted.end(), [&](const auto& x, const auto& y) {
      if (x.first != y.first) return x.first < y.first;
      const Block &a = block(x.second), &b = block(y.second);
      return a.bytes != b.bytes ? a.bytes > b.bytes : x.second < y.second;
    });
    std::vector<int>& order = orders.emplace_back();
    for (const auto& [negative, b] : sorted) order.push_back(b);
  }
  return orders;
}

Placement place_in_orders(const Problem& problem, std::size_t enough, Effort& effort) {
  Placement best;
  Placer placer(problem);
  for (const std::vector<int>& order : placing_orders(problem))
    for (const Fit fit : {Fit::smallest_gap, Fit::lowest}) {
      const std::size_t peak = placer.place(order, fit, effort);
      if (peak < best.peak_bytes) best = {.offsets = placer.offsets(), .peak_bytes = peak};
      if (best.peak_bytes <= enough || effort.spent()) return best;
    }
  return best;
}

Placement sweep(const Problem& problem, bool backwards) {
  struct Event {
    int when;
    bool begins;
    std::size_t bytes;
    int block;
  };
  Placement result{.offsets = std::vector<std::size_t>(problem.blocks.size()), .peak_bytes = 0};
  std::size_t base = 0, alignment = 1;
  std::vector<Event> events;
  events.reserve(2 * problem.blocks.size());
  for (int b = 0; b < static_cast<int>(problem.blocks.size()); ++b) {
    const Block& block = problem.blocks[at(b)];
    if (block.is_fixed()) {
      result.offsets[at(b)] = block.fixed;
      base = std::max(base, block.fixed + block.bytes);
      continue;
    }
    alignment = std::max(alignment, block.alignment);
    events.push_back({backwards ? -block.end : block.begin, true, block.bytes, b});
    events.push_back({backwards ? -block.begin : block.end, false, block.bytes, b});
  }
  std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    if (a.when != b.when) return a.when < b.when;
    if (a.begins != b.begins) return b.begins;
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.block < b.block;
  });
  Heap heap;
  if (base > 0) heap.take(base, 1);
  for (const Event& event : events) {
    const Block& block = problem.blocks[at(event.block)];
    if (block.bytes == 0) continue;
    if (event.begins)
      result.offsets[at(event.block)] = heap.take(block.bytes, block.alignment);
    else
      heap.give(result.offsets[at(event.block)], block.bytes);
  }
  result.peak_bytes = peak_of(problem, result.offsets);
  return result;
}

}  // namespace sluice::packer
