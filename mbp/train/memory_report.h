#pragma once

#include <cstddef>
#include <iosfwd>
#include <optional>

#include <sluice/core/ledger.h>

namespace sluice {

/// Every byte of a run by category and layer: planned, measured, and the budget.
struct MemoryReport {
  Ledger ledger;
  std::size_t planned_peak_bytes = 0;   ///< persistent + derived + staging + arena
  std::size_t measured_peak_bytes = 0;  ///< allocated on the device; in verify mode, written
  std::size_t budget_bytes = 0;         ///< 0: none
  std::size_t persistent_bytes = 0, derived_bytes = 0, staging_bytes = 0, arena_bytes = 0;
  std::size_t arena_lower_bound_bytes = 0;  ///< largest sum of simultaneously live bytes
  std::size_t outside_bytes = 0;   ///< peak RSS − RSS before planning − slab − host: libraries, stacks, code
  std::size_t host_bytes = 0;      ///< data set, loader, and pinned staging of a GPU
  std::size_t resident_bytes = 0;  ///< of the process, now: slab, libraries, data set, everything
  /// On a GPU: memory in use outside the slab, by driver, libraries and other programs.
  std::optional<std::size_t> device_outside_bytes = {};
  bool verified = false;  ///< measured in verify mode, which checks the writes of every kernel
  bool scanned = false;   ///< the ledger's measured column comes from a scan of the slab
};

/// A table for people.
std::ostream& operator<<(std::ostream& out, const MemoryReport& report);

}  // namespace sluice
