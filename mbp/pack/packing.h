#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include <sluice/mbp/pack/item.h>

namespace sluice {

/// When packing stops, unless it has proven its result optimal before. The result is the best found so far.
struct PackingLimits {
  /// Work beyond the first placements, in units of about a microsecond; the same for every run and machine.
  std::int64_t effort = 20'000;
  /// Instead of `effort`: the result then depends on the machine.
  std::optional<double> seconds = {};
  /// Enough: stops at the first packing that does not exceed it, or once it is known that there is none.
  std::size_t capacity_bytes = 0;
  /// Called now and then during a search with the peak so far; returns whether to go on.
  std::function<bool(std::size_t peak_bytes)> progress = {};
};

/// Offsets so that no two items that overlap in time overlap in memory.
struct Packing {
  std::vector<std::size_t> offsets;
  std::size_t peak_bytes = 0;
  std::size_t lower_bound_bytes = 0;   ///< the largest sum of bytes alive at one time; no packing is smaller
  std::size_t proven_bound_bytes = 0;  ///< the same, or more where a search has shown that no packing is lower

  bool proven_optimal() const { return peak_bytes == proven_bound_bytes; }
};

/// Packs `items` as low as the limits allow (docs/packing.md). Deterministic without `seconds` and `progress`.
/// Throws UsageError for items that cannot be: upper <= lower, a fixed offset that is not aligned or that two
/// items alive together share, or sums of bytes of 2^62 or more.
Packing pack(std::span<const PackingItem> items, const PackingLimits& limits = {});

}  // namespace sluice
