#pragma once

#include <cstddef>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/core/program.h>
#include <sluice/mbp/plan/planner_passes.h>

namespace sluice {

/// What the planner may do to the order of a replayed part, and the memory it aims at.
struct ArrangeOptions {
  PlannerPasses passes = {};
  Recompute recompute = Recompute::none;
  std::size_t arena_bytes = 0;  ///< limit for the peak of the part
  bool smallest = false;        ///< minimise the arena by recomputation, even below the limit
  DeviceRates rates = {};
};

/// Orders that were found for a part with the largest micro-batch. They are reused for the same part
/// with smaller micro-batches, which run in the same arena.
struct KnownOrders {
  std::vector<int> order;      ///< order without recomputation
  std::size_t peak_bytes = 0;  ///< the most bytes alive at one time in `order`
  std::vector<int> sequence;   ///< sequence with recomputation
};

/// Returns the part reordered, and with the recomputation that the options ask for. Recompute::automatic
/// recomputes only as much as is needed to fit; Recompute::cheap looks for the smallest arena. If no
/// sequence fits, nothing is recomputed. Reuses an order in `known` if it is good enough, and stores
/// new ones there.
Part arranged(const Part& part, const ArrangeOptions& options, KnownOrders& known);

}  // namespace sluice
