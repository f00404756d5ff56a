#pragma once

#include <sluice/mbp/plan/run_plan.h>

namespace sluice {

/// Returns the milliseconds of one training replay of the largest micro-batch, all stages together: the median of
/// several, after warming up. Allocates the plan's bytes on the device while it runs, and binds the plan to them, so
/// the plan must be bound again before another use. Uses made-up samples and does not change parameters. `record`:
/// replay recordings if the device can record.
double time_replay_ms(RunPlan& plan, Backend& backend, bool record);

}  // namespace sluice
