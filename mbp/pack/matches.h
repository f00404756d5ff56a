#pragma once

#include <vector>

#include <sluice/mbp/pack/effort.h>
#include <sluice/mbp/pack/problem.h>

namespace sluice::packer {

/// Guesses at what follows what. Where memory is full before and after a boundary of sections, blocks that end there
/// are followed by blocks that begin there, in the same places unless others reach over: some of the ones by some of
/// the others with the same sum of bytes. Where sizes are many, sums are equal for a reason: each smallest set of
/// blocks with equal sums on both sides is a group, and its blocks are taken to follow each other.
struct Matches {
  std::vector<int> begin_group, end_group;  ///< by block; −1: none

  Matches(const Problem& problem, Effort& effort);
};

}  // namespace sluice::packer
