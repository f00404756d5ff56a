#pragma once

#include <sluice/mbp/plan/run_plan.h>

namespace sluice {

/// Milliseconds of one replay of the largest micro-batch of training, all stages together: the median of a few, after
/// warming up. Takes the plan's bytes from the device while it runs, and binds the plan to them: before the plan is
/// used for anything else it must be bound again. The samples are made up; parameters keep their values. `record`:
/// replays run as recordings where the device can.
double time_replay_ms(RunPlan& plan, Backend& backend, bool record);

}  // namespace sluice
