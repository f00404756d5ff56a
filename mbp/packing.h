#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <sluice/core/program.h>

namespace sluice {

/// Offsets for lifetimes so that no two that overlap in time overlap in memory.
struct Packing {
  std::vector<std::size_t> offsets;
  std::size_t peak_bytes = 0;
  std::size_t lower_bound_bytes = 0;  ///< the largest sum of bytes alive at one time; no packing is smaller
};

/// Best fit over several orders (by size, by duration, by area, by time), the best result kept; stops at the lower
/// bound. O(orders · n²). Deterministic.
Packing pack(std::span<const Lifetime> lifetimes);

/// The largest sum of bytes alive at one time.
std::size_t largest_live_sum(std::span<const Lifetime> lifetimes);

}  // namespace sluice
