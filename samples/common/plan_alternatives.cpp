#include "common/plan_alternatives.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <sluice/core/byte_size.h>
#include <sluice/core/error.h>

namespace sluice::samples {

std::vector<WaterfallRow> waterfall(const StepPlanner& planner, std::int64_t micro_batch) {
  PlannerPasses passes{.in_place = false, .order = false, .recompute = true, .search = false};
  std::vector<WaterfallRow> rows;
  const auto add = [&](std::string name, std::int64_t samples, Recompute recompute) {
    const PlanChoice choice{.micro_batch = samples, .recompute = recompute, .smallest = true, .passes = passes};
    const auto plan = planner.plan(choice, 0);
    rows.push_back({std::move(name), plan->summary.planned_peak_bytes()});
  };
  add("the whole batch, without passes", planner.batch(), Recompute::none);
  add(fmt::format("in micro-batches of {}", micro_batch), micro_batch, Recompute::none);
  passes.in_place = true;
  add("results in place of inputs", micro_batch, Recompute::none);
  passes.order = true;
  add("kernels in a better order", micro_batch, Recompute::none);
  passes.search = true;
  add("offsets by search", micro_batch, Recompute::none);
  add("cheap values recomputed", micro_batch, Recompute::cheap);
  add("everything that helps recomputed", micro_batch, Recompute::automatic);
  return rows;
}

WhatIfRow what_if_row(const Plan& plan, std::size_t budget_bytes, bool chosen) {
  return {.name = (budget_bytes ? "budget " + format_bytes(budget_bytes) : "no budget") + (chosen ? ", this plan" : ""),
          .micro_batch = plan.micro_batch,
          .budget_bytes = budget_bytes,
          .peak_bytes = plan.planned_peak_bytes(),
          .step_ms = 1e3 * plan.predicted_step_s,
          .chosen = chosen};
}

std::vector<WhatIfRow> other_budgets(const StepPlanner& planner, const Plan& plan) {
  constexpr int others = 7;
  const auto least = static_cast<double>(planner.smallest_budget());
  const auto whole = static_cast<double>(planner.whole_batch_bytes());
  std::vector<WhatIfRow> rows;
  for (int i = 0; i < others; ++i) {
    // Evenly spaced in ratios: most of what a budget decides happens near the smallest.
    const double bytes = least * std::pow(std::max(whole / least, 1.0), static_cast<double>(i) / (others - 1));
    const auto budget = static_cast<std::size_t>(std::ceil(bytes));
    try {
      rows.push_back(what_if_row(planner.chosen(planner.constraints(0, budget))->summary, budget, false));
    } catch (const OutOfMemory&) {
      continue;  // between feasible ones no budget needs to be: the curve has a point less
    }
  }
  rows.push_back(what_if_row(plan, plan.budget_bytes ? plan.budget_bytes : plan.planned_peak_bytes(), true));
  std::stable_sort(rows.begin(), rows.end(),
                   [](const WhatIfRow& a, const WhatIfRow& b) { return a.budget_bytes < b.budget_bytes; });
  return rows;
}

}  // namespace sluice::samples
