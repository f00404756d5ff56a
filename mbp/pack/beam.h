#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include <sluice/mbp/pack/effort.h>
#include <sluice/mbp/pack/orders.h>
#include <sluice/mbp/pack/problem.h>

namespace sluice::packer {

/// Beam search through time. It goes from section to section and places the blocks that begin there. After
/// each section it retains the states of memory (*ways*) with the lowest cost, as many as the beam is wide.
/// The cost of a state is the sum, over neighbouring blocks, of the difference between their ends: for so
/// long only one of the two is alive, and its neighbour has left a gap.
///
/// Rounds differ in direction and in the weights of sections. Full sections weigh more, distant ones less.
class Beam {
 public:
  /// `problem` must outlive the search and have no fixed blocks.
  explicit Beam(const Problem& problem);

  /// The approximate effort of a round for each unit of beam width.
  std::int64_t effort_per_way() const { return effort_per_way_; }

  /// Runs one round with a beam of width `ways`. Returns a packing of at most `target` bytes if it finds one,
  /// else the best that it found; none if `effort` is spent before the round ends.
  Placement round(std::size_t target, std::size_t ways, Effort& effort);

 private:
  /// A block in a state of memory.
  struct Lying {
    std::size_t begin, end;
    int block, stop;     ///< `stop`: the section after its last
    std::int64_t rest;   ///< weighted time until it ends
    bool fresh = false;  ///< it begins in this section, so it can still be shifted
  };
  /// A state of memory in a section.
  struct Way {
    std::vector<Lying> lying;  ///< by offset
    std::int64_t cost = 0;
    int past = -1;  ///< index in pasts_: the placements that led to the state
  };
  /// Where a block may go in a gap: on top of the block below, under the block above, or at the bottom or the
  /// ceiling of the gap, which shifts the fresh blocks there.
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
  bool largest_first_ = false;      ///< order of blocks that begin together; otherwise those that end last go first
  std::int64_t horizon_ = 0;        ///< 0: none
  std::vector<std::int64_t> bias_;  ///< by block: factor on its `rest`, in 1/1024
  std::vector<std::int64_t> time_;  ///< by section: sum of the weights of the sections before it
  std::vector<Way> ways_, next_;
  std::vector<Choice> choices_;
  std::vector<Past> pasts_;
  std::vector<Placed> placed_;
};

}  // namespace sluice::packer
