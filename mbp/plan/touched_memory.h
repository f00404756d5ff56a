#pragma once

#include <cstddef>
#include <functional>

#include <sluice/core/ledger.h>
#include <sluice/mbp/plan/run_plan.h>

namespace sluice {

/// The memory of a plan that a run has touched, for the measured column of its ledger.
struct TouchedMemory {
  std::function<bool(int storage)> storage;
  std::function<bool(const PackedPart& part, int lifetime)> lifetime;
  /// End of the highest touched byte of the region, bytes from the region's beginning.
  std::function<std::size_t(Region region)> region_bytes;
  /// Whether `lifetime` distinguishes values that use the same bytes at different times.
  bool tells_lifetimes_apart = false;
};

/// Adds the touched storages, and the touched values and workspaces at the arena's peak, to the ledger's
/// measured column.
void measure(const RunPlan& plan, const TouchedMemory& touched, Ledger& ledger);

}  // namespace sluice
