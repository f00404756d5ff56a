#pragma once

#include <string>

#include <sluice/mbp/plan/run_plan.h>

namespace sluice {

/// Returns a key for the work of a training replay of the largest micro-batch: a hash of its kernels in
/// running order, with their algorithms, workspaces and operands. Offsets are not part of it.
std::string replay_key(const RunPlan& plan);

}  // namespace sluice
