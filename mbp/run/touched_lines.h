#pragma once

#include <sluice/mbp/plan/touched_memory.h>

namespace sluice {

class Slab;

/// Scans the slab for bytes that differ from its initial fill. A storage or a lifetime counts as touched if a byte in
/// its range differs. The scan costs the run nothing. It cannot distinguish values that share bytes, and it misses
/// bytes that were written with the value of the fill. The result is valid as long as the slab's plan.
TouchedMemory touched_in(const Slab& slab);

}  // namespace sluice
