#pragma once

#include <sluice/mbp/plan/planner_passes.h>

namespace sluice::samples {

/// What a planner may do to save memory, as every program can be told.
struct PlannerFlags {
  Recompute recompute = Recompute::automatic;
  PlannerPasses passes = {};
};

/// "none", "cheap" or "auto".
constexpr const char* name(Recompute recompute) {
  return recompute == Recompute::none ? "none" : recompute == Recompute::cheap ? "cheap" : "auto";
}

}  // namespace sluice::samples
