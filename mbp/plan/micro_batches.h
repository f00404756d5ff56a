#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sluice {

/// A split of n samples into micro-batches, the larger ones first.
struct MicroBatches {
  std::int64_t samples = 0;
  std::int64_t replays = 0;

  MicroBatches() = default;
  /// Splits n into k = ceil(n/µ) micro-batches whose sizes differ by at most one.
  MicroBatches(std::int64_t n, std::int64_t micro_batch);
  /// Uses only the given `sizes` (the largest first). If they contain the sizes of the even split above,
  /// that is the split. Otherwise it takes as many as possible of the largest, then of the next. `samples`
  /// is less than `n` if the sizes do not add up to n.
  MicroBatches(std::int64_t n, std::span<const std::int64_t> sizes);

  std::int64_t size(std::int64_t i) const { return run_of(i).size; }
  std::int64_t first(std::int64_t i) const {
    const Run& run = run_of(i);
    return run.sample + (i - run.first) * run.size;
  }
  std::int64_t least_size() const { return runs_.empty() ? 0 : runs_.back().size; }
  /// The sizes that occur, larger first.
  std::vector<std::int64_t> sizes() const;
  /// The number of micro-batches of this size.
  std::int64_t count(std::int64_t size) const;

 private:
  /// Micro-batches of the same size, one after the other.
  struct Run {
    std::int64_t size = 0, count = 0;
    std::int64_t first = 0, sample = 0;  ///< number of the first of them, and its first sample
  };
  void add(std::int64_t size, std::int64_t count);
  const Run& run_of(std::int64_t i) const {
    std::size_t r = 0;
    while (i >= runs_[r].first + runs_[r].count) ++r;
    return runs_[r];
  }

  std::vector<Run> runs_;
};

/// Returns `largest`, a quarter of it, and so on, down to `least`: sizes of which a few add up to any
/// number of samples.
std::vector<std::int64_t> sizes_for_any_number(std::int64_t largest, std::int64_t least);

}  // namespace sluice
