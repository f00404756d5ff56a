#pragma once

#include <cstddef>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/core/program.h>
#include <sluice/mbp/plan/planner_passes.h>

namespace sluice {

/// How a replayed part may be arranged.
struct ArrangeOptions {
  PlannerPasses passes = {};
  Recompute recompute = Recompute::none;
  std::size_t arena_bytes = 0;  ///< what the part should fit in
  bool smallest = false;        ///< recompute whatever makes the arena smaller, whether it fits or not
  DeviceRates rates = {};
};

/// What did for a part with the largest micro-batch does for the same part with smaller ones: their arena is the
/// largest one's anyway.
struct KnownOrders {
  std::vector<int> order;      ///< without recomputation,
  std::size_t peak_bytes = 0;  ///< in which so much is alive at a time
  std::vector<int> sequence;   ///< with recomputation
};

/// The part in the order, and with the recomputations, that the options ask for. Recomputes only as much as it takes to
/// fit, except with Recompute::cheap, which takes the smallest arena; where nothing fits, not at all. What is `known`
/// is taken where it is good enough; what is found is added to it.
Part arranged(const Part& part, const ArrangeOptions& options, KnownOrders& known);

}  // namespace sluice
