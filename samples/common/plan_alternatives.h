#pragma once

#include <cstdint>
#include <vector>

#include <sluice/mbp/plan/step_planner.h>

#include "common/report.h"

namespace sluice::samples {

// What else could have been planned for a step: for reports.

/// The planned peak with micro-batches of that size as the planner's passes are switched on one by one; always with the
/// smallest workspaces.
std::vector<WaterfallRow> waterfall(const StepPlanner& planner, std::int64_t micro_batch);

/// `plan` among plans for other budgets, from the smallest feasible one to that of the whole batch at once, with the
/// micro-batch chosen for each. A plan without a budget stands at its peak.
std::vector<WhatIfRow> other_budgets(const StepPlanner& planner, const Plan& plan);

/// A row of a what-if curve.
WhatIfRow what_if_row(const Plan& plan, std::size_t budget_bytes, bool chosen);

}  // namespace sluice::samples
