#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace sluice {

/// One buffer of an offline dynamic storage allocation problem: its size, and the interval in which it is alive.
struct PackingItem {
  std::int64_t lower = 0, upper = 1;             ///< alive in [lower, upper); upper > lower
  std::size_t bytes = 0;                         ///< 0: it takes no memory
  std::size_t alignment = 1;                     ///< its offset is a multiple of this
  std::optional<std::size_t> fixed_offset = {};  ///< the offset that it must have; empty: any
  /// Items of one group get the same offset. They are packed as one item that is alive from the first begin to the
  /// last end, with the largest size and the least common multiple of the alignments. −1: in no group.
  int alias_group = -1;
};

}  // namespace sluice
