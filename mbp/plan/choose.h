#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include <sluice/mbp/plan/planner_passes.h>
#include <sluice/mbp/plan/run_plan.h>

namespace sluice {

/// What choose_plan() varies.
struct PlanChoice {
  std::int64_t micro_batch = 0;
  WorkspaceCaps caps = {};
  Recompute recompute = Recompute::none;
  bool smallest = false;                     ///< with Recompute::automatic: as much as it takes for the smallest arena
  std::optional<PlannerPasses> passes = {};  ///< others than the planner's own
};
using Planner = std::function<std::unique_ptr<RunPlan>(const PlanChoice& choice)>;

/// What is asked for.
struct PlanWish {
  std::int64_t batch = 0;
  std::int64_t micro_batch = 0;  ///< 0: the largest that fits; without a budget the whole batch
  std::int64_t least = 1;        ///< no smaller micro-batch is taken
  bool fastest = false;          ///< with micro_batch 0: the one predicted to be fastest
  std::size_t budget_bytes = 0;  ///< 0: none
  Recompute recompute = Recompute::none;
  /// micro_batch as the caller gave it, which may be more than the batch.
  std::int64_t asked_micro_batch = 0;
  /// Of the candidates for `fastest`: milliseconds of a replay of this plan, where that was measured. Where all of them
  /// were, these times decide; else the cost model does. Null: none was. The plan is the callback's to run.
  std::function<std::optional<double>(RunPlan& plan)> replay_ms = nullptr;
  /// Peaks of plans that keep everything, with the smallest workspaces, by micro-batch: read and added to, so that
  /// wishes that differ in their budgets do not plan the same again. Null: not kept.
  std::map<std::int64_t, std::size_t>* known_peaks = nullptr;
};

/// The plan for a wish. Sizes are found by planning, never by trying to allocate. Values are recomputed automatically
/// only where the micro-batch (asked for, or of one sample) would not fit otherwise, or where it pays because
/// faster algorithms then find room: among the limits for workspaces tried, the one that the cost model predicts to be
/// fastest wins, and left-over bytes raise the limits of single kernels. Throws OutOfMemory: a fixed micro-batch that
/// does not fit (with its predicted peak and the largest that fits), or a budget that one sample does not fit (with the
/// smallest feasible budget). The candidates of `fastest`, largest first, are in the plan's summary.
std::unique_ptr<RunPlan> choose_plan(const Planner& planner, const PlanWish& wish);

}  // namespace sluice
