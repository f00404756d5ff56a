#include <sluice/mbp/pack/ejection.h>

#include <algorithm>

#include <sluice/core/at.h>

namespace sluice::packer {
namespace {

constexpr std::size_t most_pairs = std::size_t{1} << 24;
constexpr std::int64_t never = std::int64_t{1} << 50;  // weight of a fixed block

}  // namespace

bool Ejection::suits(const Problem& problem) {
  std::vector<std::size_t> change(at(problem.sections) + 1), begun(at(problem.sections) + 1);
  for (const Block& block : problem.blocks) {
    ++begun[at(block.begin)];
    ++change[at(block.begin)];
    --change[at(block.end)];
  }
  std::size_t alive = 0, pairs = 0;  // of each block with those that are alive when it begins
  for (int s = 0; s < problem.sections; ++s) pairs += begun[at(s)] * (alive += change[at(s)]);
  return pairs < most_pairs;
}

Ejection::Ejection(const Problem& problem, std::vector<std::size_t> offsets)
    : problem_(problem),
      offsets_(std::move(offsets)),
      weights_(problem.blocks.size(), 1) {
  const int n = static_cast<int>(problem.blocks.size());
  std::vector<std::vector<int>> starts(at(problem.sections));
  for (int b = 0; b < n; ++b) starts[at(problem.blocks[at(b)].begin)].push_back(b);
  std::vector<std::vector<int>> lists(at(n));
  std::vector<int> alive;
  for (int s = 0; s < problem.sections; ++s) {
    std::erase_if(alive, [&](int b) { return problem.blocks[at(b)].end <= s; });
    for (const int b : starts[at(s)]) {
      for (const int a : alive) {
        lists[at(a)].push_back(b);
        lists[at(b)].push_back(a);
      }
      alive.push_back(b);
    }
  }
  first_.push_back(0);
  for (const auto& list : lists) {
    neighbours_.insert(neighbours_.end(), list.begin(), list.end());
    first_.push_back(neighbours_.size());
  }
  for (int b = 0; b < n; ++b)
    if (problem.blocks[at(b)].is_fixed()) weights_[at(b)] = never;
}

void Ejection::remove(int block) {
  offsets_[at(block)] = nowhere;
  unplaced_.push_back(block);
}

void Ejection::gather(int block) {
  by_begin_.clear();
  for (std::size_t i = first_[at(block)]; i < first_[at(block) + 1]; ++i) {
    const int b = neighbours_[i];
    if (is_placed(b))
      by_begin_.push_back({offsets_[at(b)], offsets_[at(b)] + problem_.blocks[at(b)].bytes, weights_[at(b)]});
  }
  by_end_ = by_begin_;
  std::sort(by_begin_.begin(), by_begin_.end(), [](const Taken& a, const Taken& b) { return a.begin < b.begin; });
  std::sort(by_end_.begin(), by_end_.end(), [](const Taken& a, const Taken& b) { return a.end < b.end; });
  std::int64_t sum = 0;
  for (Taken& t : by_begin_) t.weight = sum += t.weight;
  sum = 0;
  for (Taken& t : by_end_) t.weight = sum += t.weight;
}

/// Weights of what begins before the end of the place, less what ends before its beginning.
std::int64_t Ejection::cost_at(std::size_t offset, std::size_t bytes) const {
  const auto begun = std::lower_bound(by_begin_.begin(), by_begin_.end(), offset + bytes,
                                      [](const Taken& t, std::size_t o) { return t.begin < o; });
  const auto ended =
      std::upper_bound(by_end_.begin(), by_end_.end(), offset, [](std::size_t o, const Taken& t) { return o < t.end; });
  return (begun == by_begin_.begin() ? 0 : std::prev(begun)->weight) -
         (ended == by_end_.begin() ? 0 : std::prev(ended)->weight);
}

void Ejection::insert(int b, std::size_t target) {
  const Block& block = problem_.blocks[at(b)];
  gather(b);
  std::size_t best = 0;
  std::int64_t best_cost = never;
  unsigned ties = 0;
  const auto consider = [&](std::size_t offset) {
    if (offset + block.bytes > target) return;
    const std::int64_t cost = cost_at(offset, block.bytes);
    if (cost < best_cost) ties = 0;
    if (cost > best_cost || engine_() % ++ties != 0) return;
    best = offset;
    best_cost = cost;
  };
  consider(0);
  consider((target - block.bytes) / block.alignment * block.alignment);
  for (const Taken& t : by_begin_) {
    consider(align_up(t.end, block.alignment));
    if (t.begin >= block.bytes) consider((t.begin - block.bytes) / block.alignment * block.alignment);
  }
  if (best_cost > 0) {
    if (best_cost >= never) return unplaced_.push_back(b);  // only a fixed block would have to go
    ++weights_[at(b)];
    for (std::size_t i = first_[at(b)]; i < first_[at(b) + 1]; ++i) {
      const int other = neighbours_[i];
      if (is_placed(other) && offsets_[at(other)] < best + block.bytes &&
          best < offsets_[at(other)] + problem_.blocks[at(other)].bytes)
        remove(other);
    }
  }
  offsets_[at(b)] = best;
}

void Ejection::restart(const std::vector<std::size_t>& offsets) {
  offsets_ = offsets;
  unplaced_.clear();
}

bool Ejection::reach(std::size_t target, Effort& effort) {
  for (int b = 0; b < static_cast<int>(problem_.blocks.size()); ++b)
    if (is_placed(b) && offsets_[at(b)] + problem_.blocks[at(b)].bytes > target) remove(b);
  while (!unplaced_.empty()) {
    const std::size_t which = engine_() % unplaced_.size();
    const int b = unplaced_[which];
    unplaced_[which] = unplaced_.back();
    unplaced_.pop_back();
    insert(b, target);
    if (!effort.spend(1 + static_cast<std::int64_t>(first_[at(b) + 1] - first_[at(b)]) / 8)) return unplaced_.empty();
  }
  return true;
}

}  // namespace sluice::packer
