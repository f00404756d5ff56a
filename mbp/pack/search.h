#pragma once

#include <vector>

#include <sluice/mbp/pack/effort.h>
#include <sluice/mbp/pack/matches.h>
#include <sluice/mbp/pack/problem.h>

namespace sluice::packer {

enum class Outcome { found, impossible, stopped };

/// Looks for a packing of at most `capacity` bytes by branch and bound, or shows that there is none (docs/packing.md).
/// Not for problems with fixed blocks. It starts anew with other preferences and more patience until it knows or
/// `effort` is spent; `offsets` are written when it found one.
Outcome search(const Problem& problem, const Matches& matches, std::size_t capacity, Effort& effort,
               std::vector<std::size_t>& offsets);

}  // namespace sluice::packer
