#pragma once

#include <random>
#include <vector>

#include <sluice/mbp/pack/effort.h>
#include <sluice/mbp/pack/problem.h>

namespace sluice::packer {

/// Guided ejection search (Nagata and Bräysy 2009, for vehicle routing): a block that has no place below the target
/// takes one, and what lies there has to find another. A block that was hard to place is rather not thrown out again.
class Ejection {
 public:
  /// Whether the problem is small enough for it.
  static bool suits(const Problem& problem);

  /// Begins with the packing `offsets`.
  Ejection(const Problem& problem, std::vector<std::size_t> offsets);
  /// Goes on from another packing, with what it has learned.
  void restart(const std::vector<std::size_t>& offsets);

  /// Looks for a packing of at most `target` bytes, at least the lower bound, from where it stands. Returns whether it
  /// found one.
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
  std::vector<int> neighbours_;           ///< blocks alive together with a block, block after block
  std::vector<std::size_t> first_;        ///< of a block, in neighbours_
  std::vector<std::int64_t> weights_;     ///< by block
  std::vector<Taken> by_begin_, by_end_;  ///< neighbours of the block to be placed; weights summed up
  std::mt19937 engine_{1};
};

}  // namespace sluice::packer
