#pragma once

#include <cstddef>

#include <sluice/core/device.h>
#include <sluice/core/program.h>
#include <sluice/mbp/plan_options.h>

namespace sluice {

/// How a replayed part may be arranged.
struct ArrangeOptions {
  PlannerPasses passes = {};
  Recompute recompute = Recompute::none;
  std::size_t arena_bytes = 0;  ///< what the part should fit in
  DeviceRates rates = {};
};

/// The part in the order, and with the recomputations, that the options ask for. Recomputes only as much as it takes to
/// fit, except with Recompute::cheap, which takes the smallest arena. Where nothing fits: the smallest found.
Part arranged(const Part& part, const ArrangeOptions& options);

}  // namespace sluice
