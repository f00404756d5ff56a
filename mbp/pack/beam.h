#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include <sluice/mbp/pack/effort.h>
#include <sluice/mbp/pack/orders.h>
#include <sluice/mbp/pack/problem.h>

namespace sluice::packer {

/// Beam search through time: memory is lived through section by section, and of all the ways in which it may look by
/// then, the ones with the best prospects are kept. What is alive should die such that few gaps will be there: the sum
/// over neighbours of the differences between their ends is the number of gaps to come, summed over time.
///
/// Rounds differ in direction and in how much sections count: more where memory is full, less where they are far away.
class Beam {
 public:
  /// Not for problems with fixed blocks.
  explicit Beam(const Problem& problem);

  /// The effort of a round, about, for each of the ways that are kept.
  std::int64_t effort_per_way() const { return effort_per_way_; }

  /// The packing of one round that keeps `ways` ways; at most `target` bytes where it finds such a one. None when
  /// `effort` is spent before.
  Placement round(std::size_t target, std::size_t ways, Effort& effort);

 private:
  /// A block in memory.
  struct Lying {
    std::size_t begin, end;
    int block, stop;     ///< the section behind its last
    std::int64_t rest;   ///< time it has left, weighted
    bool fresh = false;  ///< of this section: it can still be shifted
  };
  /// A way memory may look.
  struct Way {
    std::vector<Lying> lying;  ///< by offset
    std::int64_t cost = 0;
    int past = -1;  ///< index of what was placed in the section before, in pasts_
  };
  /// Where a block may go in a gap: onto what lies below it or under what lies above, at the end of what is fresh
  /// there, or at its beginning, by shifting it.
  enum class Spot : std::uint8_t { on_top, under, at_bottom, at_ceiling };
  struct Choice {
    std::int64_t cost;
    int way, gap;  ///< the gap in front of lying[gap]
    Spot spot;
  };
  struct Past {
    int before;
    std::size_t first, last;  ///< in placed_
  };
  struct Placed {
    int block;
    std::size_t offset;
  };

  void weigh_sections();
  int first_section(const Block& block) const { return backwards_ ? problem_.sections - block.end : block.begin; }
  int stop_section(const Block& block) const { return backwards_ ? problem_.sections - block.begin : block.end; }
  std::int64_t rest(int block, int section) const;
  void enter(int section);
  void leave();
  bool place(const Lying& block, std::size_t& limit, std::size_t ways, Effort& effort);
  std::size_t choose(const Lying& block, std::size_t limit);
  void put(Way& way, const Choice& choice, const Lying& block, std::size_t limit) const;
  Placement best() const;

  const Problem& problem_;
  std::int64_t effort_per_way_ = 1;
  std::mt19937 engine_{1};
  int rounds_ = 0;

  bool backwards_ = false;
  bool largest_first_ = false;      ///< of the blocks that begin together; otherwise those that end last
  std::int64_t horizon_ = 0;        ///< 0: none
  std::vector<std::int64_t> bias_;  ///< by block, of the time it has left: 1024 for none
  std::vector<std::int64_t> time_;  ///< by section: the weights of those before it
  std::vector<Way> ways_, next_;
  std::vector<Choice> choices_;
  std::vector<Past> pasts_;
  std::vector<Placed> placed_;
};

}  // namespace sluice::packer
