#pragma once

#include <sluice/mbp/plan/planner_passes.h>

namespace sluice::samples {

/// Flags of every program for what the planner may do to save memory.
struct PlannerFlags {
  Recompute recompute = Recompute::automatic;
  PlannerPasses passes = {};
};

/// "none", "cheap" or "auto".
constexpr const char* name(Recompute recompute) {
  return recompute == Recompute::none ? "none" : recompute == Recompute::cheap ? "cheap" : "auto";
}

}  // namespace sluice::samples
