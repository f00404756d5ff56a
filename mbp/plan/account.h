#pragma once

#include <sluice/mbp/plan/run_plan_request.h>

namespace sluice {

/// Recomputes what follows from the storages and packings of a plan: the ledger, the size and lower
/// bound of the arena, the part and instruction at its peak, the largest workspace, and the hash.
/// Call it after a change of storages or packings. `request`: what the plan was made from.
void account(RunPlan& plan, const RunPlanRequest& request);

}  // namespace sluice
