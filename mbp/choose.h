#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include <sluice/mbp/run_plan.h>

namespace sluice {

/// Plans a run for a micro-batch size and a limit on workspaces.
using Planner = std::function<std::unique_ptr<RunPlan>(std::int64_t micro_batch, std::size_t workspace_cap_bytes)>;

/// The plan for a budget (0: none). `micro_batch` 0: the largest that fits with minimum workspaces, found by planning,
/// never by trying to allocate; without a budget the whole batch. Left-over bytes raise the workspace limit, which buys
/// faster algorithms. Throws OutOfMemory: a fixed micro-batch that does not fit (with its predicted peak and the
/// largest that fits), or a budget that one sample does not fit (with the smallest feasible budget).
std::unique_ptr<RunPlan> choose_plan(const Planner& planner, std::int64_t batch, std::int64_t micro_batch,
                                     std::size_t budget_bytes);

}  // namespace sluice
