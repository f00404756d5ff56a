#pragma once

#include <span>

#include <sluice/core/program.h>

namespace sluice {

/// `part` with its instructions in the order of `sequence`, by their index in `part`. One that occurs more than once
/// computes its outputs again: what follows reads the new copies, and the memory of the old ones is free after their
/// last reader. All must occur; only those with make_again may do so twice. Throws Error when an instruction would read
/// what is not computed yet. Afterwards `part` has no kernels to run.
Part rearranged(const Part& part, std::span<const int> sequence);

}  // namespace sluice
