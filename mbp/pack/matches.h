#pragma once

#include <vector>

#include <sluice/mbp/pack/effort.h>
#include <sluice/mbp/pack/problem.h>

namespace sluice::packer {

/// Guesses which blocks take the places of which others. If memory is full on both sides of a boundary between
/// sections, the blocks that begin there take exactly the bytes of the blocks that end there. If sizes vary,
/// equal sums are rarely a coincidence. So each smallest set of ending and beginning blocks with equal sums
/// is a *group*: its beginning blocks are assumed to take the places of its ending ones.
struct Matches {
  std::vector<int> begin_group, end_group;  ///< by block: group at its begin and at its end; −1: none

  Matches(const Problem& problem, Effort& effort);
};

}  // namespace sluice::packer
