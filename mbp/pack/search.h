#pragma once

#include <vector>

#include <sluice/mbp/pack/effort.h>
#include <sluice/mbp/pack/matches.h>
#include <sluice/mbp/pack/problem.h>

namespace sluice::packer {

enum class Outcome { found, impossible, stopped };

/// Searches by branch and bound for a packing of at most `capacity` bytes, or proves that there is none
/// (docs/packing.md). `problem` has no fixed blocks. The search restarts with other preferences and a higher
/// limit until it has a result or `effort` is spent. Writes `offsets` if it finds a packing.
Outcome search(const Problem& problem, const Matches& matches, std::size_t capacity, Effort& effort,
               std::vector<std::size_t>& offsets);

}  // namespace sluice::packer
