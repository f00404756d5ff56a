#pragma once

#include <memory>

#include <sluice/mbp/plan/run_plan_request.h>

namespace sluice {

/// Makes the plan: lowers the graphs to parts, orders and packs the parts, and assigns all offsets.
/// Allocates nothing on the device.
std::unique_ptr<RunPlan> make_run_plan(const RunPlanRequest& request);

}  // namespace sluice
