#pragma once

#include <sluice/mbp/plan/touched_memory.h>

namespace sluice {

class Slab;

/// What is left of the fill that a slab held before anything was written: a storage or a lifetime was touched when some
/// byte in its range differs, now. Costs a run nothing. Of values that share bytes it cannot say which one wrote; a
/// byte that was written with the value of the fill is missed. Valid as long as the slab's plan.
TouchedMemory touched_in(const Slab& slab);

}  // namespace sluice
