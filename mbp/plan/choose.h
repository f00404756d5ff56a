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

/// The parameters that choose_plan() varies.
struct PlanChoice {
  std::int64_t micro_batch = 0;
  WorkspaceCaps caps = {};
  Recompute recompute = Recompute::none;
  bool smallest = false;                     ///< with Recompute::automatic: minimise the arena
  std::optional<PlannerPasses> passes = {};  ///< empty: those of the planner's options
};
/// Makes the plan with these parameters, whether it fits the budget or not.
using Planner = std::function<std::unique_ptr<RunPlan>(const PlanChoice& choice)>;

/// The constraints that the chosen plan must satisfy, and what choose_plan() optimises.
struct PlanConstraints {
  std::int64_t batch = 0;
  std::int64_t micro_batch = 0;  ///< 0: the largest that fits; without a budget the whole batch
  std::int64_t least = 1;        ///< the smallest micro-batch allowed
  bool fastest = false;          ///< with micro_batch 0: the micro-batch that is predicted to be fastest
  std::size_t budget_bytes = 0;  ///< 0: none
  Recompute recompute = Recompute::none;
  /// micro_batch as the caller gave it, which may be more than the batch.
  std::int64_t asked_micro_batch = 0;
  /// Returns the measured milliseconds of a replay of a candidate for `fastest`; empty where it was not
  /// measured. If all candidates have a time, the times decide, else the cost model. The callback may run
  /// the plan. Null: no candidate was measured.
  std::function<std::optional<double>(RunPlan& plan)> replay_ms = nullptr;
  /// A cache of peaks by micro-batch, of plans without recomputation and with the smallest workspaces.
  /// choose_plan() reads it and adds to it, so calls that differ only in the budget share plans. Null: no
  /// cache.
  std::map<std::int64_t, std::size_t>* known_peaks = nullptr;
};

/// Returns the best plan that satisfies the constraints. Finds sizes by planning, never by trying to
/// allocate.
///
/// - Recompute::automatic recomputes in two cases only: the micro-batch (the given one, or one sample)
///   does not fit otherwise, or recomputation frees bytes for workspaces of faster algorithms.
/// - Several limits for workspaces are tried. The plan that the cost model predicts to be fastest wins.
///   Unused bytes then raise the limits of single kernels.
/// - The candidates of `fastest`, largest first, are in the plan's summary.
///
/// Throws OutOfMemory for a given micro-batch that does not fit (with its predicted peak and the largest
/// that fits), and for a budget that no micro-batch fits (with the smallest feasible budget).
std::unique_ptr<RunPlan> choose_plan(const Planner& planner, const PlanConstraints& constraints);

}  // namespace sluice
