#pragma once

#include <span>

#include <sluice/core/program.h>

namespace sluice {

/// Returns `part` with its instructions in the order of `sequence`, which has their indices in `part`. An instruction
/// that occurs a second time recomputes its outputs: later instructions read the new copies, and the memory of the old
/// ones is free after their last reader. Every instruction must occur. Only instructions with clone_kernel may occur
/// more than once. Takes the kernels of `part`, which cannot run afterwards. Throws Error if an instruction would read
/// a value that is not computed yet.
Part rearranged(const Part& part, std::span<const int> sequence);

}  // namespace sluice
