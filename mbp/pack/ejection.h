#pragma once

#include <random>
#include <vector>

#include <sluice/mbp/pack/effort.h>
#include <sluice/mbp/pack/problem.h>

namespace sluice::packer {

/// Guided ejection search (Nagata and Bräysy 2009, for vehicle routing). A block that has no place below the
/// target takes one and ejects the blocks that lie there, which then need other places. A block that was
/// often hard to place has a high weight, so it is seldom ejected.
class Ejection {
 public:
  /// Returns whether the problem is small enough for this search.
  static bool suits(const Problem& problem);

  /// Starts from the packing `offsets`. `problem` must outlive the search.
  Ejection(const Problem& problem, std::vector<std::size_t> offsets);
  /// Continues from another packing, with the weights learned so far.
  void restart(const std::vector<std::size_t>& offsets);

  /// Searches for a packing of at most `target` bytes, from the current one. `target` is at least the lower
  /// bound. Returns whether it found one.
  bool reach(std::size_t target, Effort& effort);
  const std::vector<std::size_t>& offsets() const { return offsets_; }

 private:
  struct Taken {
    std::size_t begin, end;
    std::int64_t weight;
  };
  bool is_placed(int block) const { return offsets_[static_cast<std::size_t>(block)] != nowhere; }
  void remove(int block);
  void insert(int block, std::size_t target);
  void gather(int block);
  std::int64_t cost_at(std::size_t offset, std::size_t bytes) const;

  const Problem& problem_;
  std::vector<std::size_t> offsets_;  ///< `nowhere`: not placed
  std::vector<int> unplaced_;
  std::vector<int> neighbours_;           ///< by block: the blocks that are alive together with it, concatenated
  std::vector<std::size_t> first_;        ///< by block: index of its first entry in neighbours_
  std::vector<std::int64_t> weights_;     ///< by block
  std::vector<Taken> by_begin_, by_end_;  ///< neighbours of the block to place; cumulative weights
  std::mt19937 engine_{1};
};

}  // namespace sluice::packer
