#pragma once

#include <memory>

#include <sluice/mbp/plan/run_plan_request.h>

namespace sluice {

/// Lowers, packs and places everything. Allocates nothing on the device.
std::unique_ptr<RunPlan> make_run_plan(const RunPlanRequest& request);

}  // namespace sluice
