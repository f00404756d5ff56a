#pragma once

#include <sluice/mbp/plan/run_plan_request.h>

namespace sluice {

/// Says of a plan what follows from its storages and packings: the ledger, the arena's size and lower bound, the part
/// and the moment that decide it, the largest workspace, and the hash. For whoever changes one of them.
/// `request`: what the plan was made from.
void account(RunPlan& plan, const RunPlanRequest& request);

}  // namespace sluice
