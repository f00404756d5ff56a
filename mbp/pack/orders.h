#pragma once

#include <span>
#include <vector>

#include <sluice/mbp/pack/effort.h>
#include <sluice/mbp/pack/problem.h>

namespace sluice::packer {

/// Where a block goes among those that are there.
enum class Fit { lowest, smallest_gap };

/// Puts blocks down one after the other, fixed ones first, each where it fits. O(n²), with a small factor.
class Placer {
 public:
  explicit Placer(const Problem& problem);

  /// Places all blocks that `order` holds, which leaves out fixed ones. Returns the peak, or `nowhere` when it gave up:
  /// as soon as the peak exceeds `limit`, or when `effort` is spent.
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

/// A packing of the blocks.
struct Placement {
  std::vector<std::size_t> offsets;
  std::size_t peak_bytes = nowhere;
};

/// The blocks that are not fixed, in several orders: by bytes, duration, area, beginning, end.
std::vector<std::vector<int>> placing_orders(const Problem& problem);

/// Best fit and first fit over these orders, the best of them; ends with the first of at most `enough` bytes, or when
/// `effort` is spent.
Placement place_in_orders(const Problem& problem, std::size_t enough, Effort& effort);

/// What an allocator would do that lives through it: blocks come and go in time, each goes to the smallest gap that
/// holds it. O(n log n); forwards or backwards in time. Fixed blocks are kept clear of by starting above them.
Placement sweep(const Problem& problem, bool backwards);

}  // namespace sluice::packer
