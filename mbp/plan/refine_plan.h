#pragma once

#include <cstddef>

#include <sluice/mbp/plan/run_plan_request.h>

namespace sluice {

// Improvements of a finished plan, whose micro-batch stays as it is.

/// Packs the parts that decide the arena's size again, with more effort and in other orders, if their
/// packing misses the lower bound. `request`: what the plan was made from.
void pack_tighter(RunPlan& plan, const RunPlanRequest& request);

/// Returns a limit for the workspace of each node: the bytes to which it can grow before this plan needs
/// more than `budget_bytes`. The limits are for the next plan with the same micro-batch.
WorkspaceCaps workspace_caps_within(RunPlan& plan, std::size_t budget_bytes);

}  // namespace sluice
