#pragma once

#include <span>
#include <vector>

#include <sluice/mbp/pack/effort.h>
#include <sluice/mbp/pack/problem.h>

namespace sluice::packer {

/// Which of the places that fit a block takes: the lowest, or the smallest gap.
enum class Fit { lowest, smallest_gap };

/// Places blocks one by one in a given order, after the fixed ones. O(n²) with a small factor.
class Placer {
 public:
  explicit Placer(const Problem& problem);

  /// Places the blocks of `order`, which contains no fixed ones. Returns the peak. Returns `nowhere` as soon as
  /// the peak exceeds `limit` or `effort` is spent.
  std::size_t place(std::span<const int> order, Fit fit, Effort& effort, std::size_t limit = nowhere);
  const std::vector<std::size_t>& offsets() const { return offsets_; }

 private:
  struct Placed {
    std::size_t offset, end;
    int begin, stop;  // sections
  };
  std::size_t offset_for(const Block& block, Fit fit) const;
  void insert(const Block& block, std::size_t offset);

  const Problem& problem_;
  std::vector<Placed> placed_, fixed_;  // by offset
  std::vector<std::size_t> offsets_;
};

/// Offsets of the blocks, and their peak.
struct Placement {
  std::vector<std::size_t> offsets;
  std::size_t peak_bytes = nowhere;
};

/// Returns the blocks that are not fixed in several orders: by bytes, duration, area, begin and end.
std::vector<std::vector<int>> placing_orders(const Problem& problem);

/// Places the blocks in each of these orders, by best fit and by first fit. Returns the best packing. Stops at
/// the first packing of at most `enough` bytes, or when `effort` is spent.
Placement place_in_orders(const Problem& problem, std::size_t enough, Effort& effort);

/// Simulates a best-fit allocator: blocks are allocated and freed in the order of time, forwards or backwards,
/// and each takes the smallest gap that holds it. All of them lie above the fixed blocks. O(n log n).
Placement sweep(const Problem& problem, bool backwards);

}  // namespace sluice::packer
