#pragma once

#include <memory>

#include <sluice/mbp/run/scheduler.h>

#include "support/planned_net.h"

namespace sluice::bench {

/// Times what a step does once, however many micro-batches it has: t(update) of the figure mbp_overhead.
///
/// It takes real steps of one micro-batch with the planner and scheduler that Trainer uses, and looks at the clock when
/// the replay ends: what follows (folded factors, finite check, update) is timed where it happens, with the caches as a
/// replay leaves them. What precedes a replay (scalars, reordered weights, clearing the gradients) is run again by
/// itself afterwards, because nothing tells when a replay begins.
class UpdateProbe {
 public:
  UpdateProbe(const Net& net, std::int64_t micro_batch);

  double seconds();

 private:
  double seconds_before_replay();

  PlannedNet net_;
  Scheduler scheduler_;
  std::int64_t step_ = 0;
};

}  // namespace sluice::bench
