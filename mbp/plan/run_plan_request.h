#pragma once

#include <cstddef>
#include <cstdint>

#include <sluice/core/stages.h>
#include <sluice/data/dataset.h>
#include <sluice/mbp/plan/planner_passes.h>
#include <sluice/mbp/plan/run_plan.h>
#include <sluice/mbp/plan/step_graph.h>

namespace sluice {

/// What a run plan is made from.
struct RunPlanRequest {
  const StepGraph* training = nullptr;  ///< null: no step is planned, evaluation and prediction alone
  const StepGraph* evaluation = nullptr;
  const DataSpec* data = nullptr;
  std::int64_t batch = 0;  ///< at most data->samples; without training: the samples that times are predicted for
  std::int64_t micro_batch = 0;
  std::int64_t position = 0;            ///< samples of the epoch under way that are done already
  std::int64_t evaluation_samples = 0;  ///< those that an evaluation cuts evenly; it takes any other number too
  std::int64_t evaluation_least = 1;    ///< no micro-batch of an evaluation has fewer samples
  std::size_t budget_bytes = 0;         ///< what recomputation should make the plan fit into; 0: none
  WorkspaceCaps caps = {};
  Recompute recompute = Recompute::none;
  bool smallest = false;  ///< with Recompute::automatic: recompute whatever makes the arena smaller
  PlannerPasses passes = {};
  Crossing crossing = Crossing::keep;
  AlgorithmChooser* chooser = nullptr;  ///< null: the cost model chooses algorithms
  Backend* backend = nullptr;
};

}  // namespace sluice
