#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sluice/mbp/plan/step_planner.h>

#include "common/report.h"
#include "tool/plan_layers.h"

namespace sluice::samples {

/// The plan for one budget, or that there is none.
struct BudgetRow {
  std::size_t budget_bytes = 0;         ///< 0: none
  std::shared_ptr<const RunPlan> plan;  ///< null: nothing fits
  std::string refusal = {};             ///< why, then

  const Plan& summary() const { return plan->summary; }
};

/// A cell of the micro-batch × batch grid.
struct SweepRow {
  std::int64_t batch = 0, micro_batch = 0, replays = 0;
  std::size_t peak_bytes = 0;
  double relative_time = 0;  ///< of a sample; 1: in the whole batch at once
};

/// What `sluice plan` finds out about a step.
struct PlanSurvey {
  std::vector<BudgetRow> rows;
  double whole_step_s = 0;  ///< predicted: no budget, the whole batch at once, nothing recomputed
  std::size_t whole_batch_bytes = 0;
  std::size_t smallest_budget_bytes = 0;
  double bytes_per_sample = 0, bytes_per_sample_cheap = 0, bytes_per_sample_least = 0;  ///< by Recompute
  std::vector<SweepRow> sweep = {};
  std::vector<WaterfallRow> waterfall = {};
  std::vector<LayerRow> layers = {};  ///< of the last plan that fits

  double relative_time(const Plan& plan) const { return plan.predicted_step_s / whole_step_s; }
};

/// Plans for every budget (0: none).
PlanSurvey survey(const StepPlanner& planner, std::int64_t micro_batch, const std::vector<std::size_t>& budgets);
/// Micro-batches of 1, 2, 4, … samples for the batch, its half and its quarter.
std::vector<SweepRow> sweep(const StepPlanner& planner);

/// The survey for people, as JSON, and its rows as CSV.
std::string survey_text(const PlanSurvey& survey);
std::string survey_json(const PlanSurvey& survey);
std::string survey_csv(const PlanSurvey& survey);

}  // namespace sluice::samples
