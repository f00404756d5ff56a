#pragma once

#include <cstddef>
#include <functional>

#include <sluice/core/ledger.h>
#include <sluice/mbp/run_plan.h>

namespace sluice {

class Slab;

/// What of a plan a run was seen to touch: the measured side of its ledger.
struct Seen {
  std::function<bool(int storage)> storage;
  std::function<bool(const PackedPart& part, int lifetime)> lifetime;
  /// The end of what was touched, from the region's beginning.
  std::function<std::size_t(Region region)> region_bytes;
  /// Whether `lifetime` tells values apart that use the same bytes at different times.
  bool tells_lifetimes_apart = false;
};

/// What is left of the fill that a slab held before anything was written: a storage or a lifetime was touched when some
/// byte in its range differs, now. Costs a run nothing. Of values that share bytes it cannot say which one wrote; a
/// byte that was written with the value of the fill is missed. Valid as long as the slab's plan.
Seen seen_in(const Slab& slab);

/// Adds what was seen to the ledger's measured column: storages, and what lives at the arena's peak.
void measure(const RunPlan& plan, const Seen& seen, Ledger& ledger);

}  // namespace sluice
