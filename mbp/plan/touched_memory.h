#pragma once

#include <cstddef>
#include <functional>

#include <sluice/core/ledger.h>
#include <sluice/mbp/plan/run_plan.h>

namespace sluice {

/// Which memory of a plan a run has touched: the measured side of its ledger.
struct TouchedMemory {
  std::function<bool(int storage)> storage;
  std::function<bool(const PackedPart& part, int lifetime)> lifetime;
  /// The end of what was touched, from the region's beginning.
  std::function<std::size_t(Region region)> region_bytes;
  /// Whether `lifetime` tells values apart that use the same bytes at different times.
  bool tells_lifetimes_apart = false;
};

/// Adds what was touched to the ledger's measured column: storages, and what lives at the arena's peak.
void measure(const RunPlan& plan, const TouchedMemory& touched, Ledger& ledger);

}  // namespace sluice
