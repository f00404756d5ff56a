#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include <sluice/mbp/pack/item.h>

namespace sluice {

/// When packing stops, if the result is not proven optimal before. The result is the best packing found.
struct PackingLimits {
  /// Operations after the first placements, in units of about a microsecond. The result does not depend on the
  /// machine.
  std::int64_t effort = 20'000;
  /// Seconds, instead of `effort`. The result then depends on the machine.
  std::optional<double> seconds = {};
  /// Stops at the first packing of at most so many bytes, or when it is proven that there is none. 0: no capacity.
  std::size_t capacity_bytes = 0;
  /// Called now and then during a search with the peak so far; returns whether to go on.
  std::function<bool(std::size_t peak_bytes)> progress = {};
};

/// Offsets so that no two items that overlap in time overlap in memory.
struct Packing {
  std::vector<std::size_t> offsets;
  std::size_t peak_bytes = 0;
  std::size_t lower_bound_bytes = 0;   ///< the largest sum of bytes alive at one time; no packing is smaller
  std::size_t proven_bound_bytes = 0;  ///< the same, or more if a search has proven that no packing is lower

  bool proven_optimal() const { return peak_bytes == proven_bound_bytes; }
};

/// Packs `items` as low as the limits allow (docs/packing.md). Deterministic without `seconds` and `progress`.
/// Throws UsageError for invalid items: upper <= lower, a fixed offset that is not aligned, fixed offsets at which
/// two items overlap, and sums of bytes of 2^62 or more.
Packing pack(std::span<const PackingItem> items, const PackingLimits& limits = {});

}  // namespace sluice
