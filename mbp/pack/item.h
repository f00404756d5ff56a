#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace sluice {

/// Offline dynamic storage allocation: everything that needs memory, and when, is known beforehand.
struct PackingItem {
  std::int64_t lower = 0, upper = 1;             ///< alive in [lower, upper); upper > lower
  std::size_t bytes = 0;                         ///< 0: takes no room
  std::size_t alignment = 1;                     ///< of its offset
  std::optional<std::size_t> fixed_offset = {};  ///< where it must lie
  /// Items of one group lie at one offset: they are packed as one item, alive from the first's beginning to the last's
  /// end, with the most bytes and the least common multiple of their alignments. −1: on its own.
  int alias_group = -1;
};

}  // namespace sluice
