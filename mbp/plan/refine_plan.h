#pragma once

#include <cstddef>

#include <sluice/mbp/plan/run_plan_request.h>

namespace sluice {

// What is done about a plan that is there already, with its algorithms and micro-batch.

/// Looks longer for a packing of the parts that decide the arena's size, where they miss the lower bound, and for other
/// orders of them that pack better. `request`: what the plan was made from.
void pack_tighter(RunPlan& plan, const RunPlanRequest& request);

/// What every node's workspace could grow to, as things are, before more than `budget_bytes` were in use: limits for
/// another plan like this one.
WorkspaceCaps room_for_workspaces(RunPlan& plan, std::size_t budget_bytes);

}  // namespace sluice
