#pragma once

#include <cstddef>
#include <cstdint>

#include <sluice/core/stages.h>
#include <sluice/data/dataset.h>
#include <sluice/mbp/plan/planner_passes.h>
#include <sluice/mbp/plan/run_plan.h>
#include <sluice/mbp/plan/step_graph.h>

namespace sluice {

/// The inputs of make_run_plan().
struct RunPlanRequest {
  const StepGraph* training = nullptr;  ///< null: plan only evaluation and prediction
  const StepGraph* evaluation = nullptr;
  const DataSpec* data = nullptr;
  std::int64_t batch = 0;  ///< at most data->samples; without training: the samples for which times are predicted
  std::int64_t micro_batch = 0;
  std::int64_t position = 0;            ///< samples of the current epoch that are already done
  std::int64_t evaluation_samples = 0;  ///< a set of this size is evaluated in an even split; others are possible
  std::int64_t evaluation_least = 1;    ///< the smallest micro-batch of an evaluation
  std::size_t budget_bytes = 0;         ///< the peak at which recomputation aims; 0: none
  WorkspaceCaps caps = {};
  Recompute recompute = Recompute::none;
  bool smallest = false;  ///< with Recompute::automatic: minimise the arena
  PlannerPasses passes = {};
  Crossing crossing = Crossing::store;
  AlgorithmChooser* chooser = nullptr;  ///< null: the cost model chooses algorithms
  Backend* backend = nullptr;
};

}  // namespace sluice
