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
  std::size_t measured_peak_bytes = 0;  ///< what was asked of the device; in verify mode, what was written
  std::size_t budget_bytes = 0;         ///< 0: none
  std::size_t persistent_bytes = 0, derived_bytes = 0, staging_bytes = 0, arena_bytes = 0;
  std::size_t arena_lower_bound_bytes = 0;  ///< largest sum of simultaneously live bytes
  std::size_t outside_bytes = 0;   ///< peak RSS − RSS before planning − slab − host: libraries, stacks, code
  std::size_t host_bytes = 0;      ///< data set and loader, staging on its way to a device of its own memory included
  std::size_t resident_bytes = 0;  ///< of the process, now: slab, libraries, data set, everything
  /// On a device of its own memory: what is taken there outside the slab, by driver, libraries and other programs.
  std::optional<std::size_t> device_outside_bytes = {};
  bool verified = false;  ///< measured in verify mode: every kernel's writes were watched
  bool scanned = false;   ///< the ledger's measured column tells what no longer holds the slab's first fill
};

/// A table for people.
std::ostream& operator<<(std::ostream& out, const MemoryReport& report);

}  // namespace sluice
