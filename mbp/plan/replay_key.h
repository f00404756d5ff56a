#pragma once

#include <string>

#include <sluice/mbp/plan/run_plan.h>

namespace sluice {

/// Names what a replay of the largest micro-batch of training does: its kernels with their algorithms,
/// workspaces and operands in running order. Where things lie is not part of it.
std::string replay_key(const RunPlan& plan);

}  // namespace sluice
