#pragma once

#include <cstddef>
#include <optional>

#include <sluice/core/device_run.h>
#include <sluice/mbp/run/scheduler.h>
#include <sluice/mbp/train/memory_report.h>

namespace sluice {

/// What a report compares with: bytes before the run, and those that are the host's.
struct MemoryBefore {
  std::size_t budget = 0;     ///< 0: none
  std::size_t resident = 0;   ///< of the process, before planning
  std::size_t allocated = 0;  ///< by the run, before the slab
  std::size_t host = 0;       ///< held by data sets
};

/// Planned beside measured. `scheduler`: null before anything ran. `touched`: what that touched; empty where nobody
/// looked.
MemoryReport measured_memory(const RunPlan& plan, const DeviceRun& run, const MemoryBefore& before,
                             Scheduler* scheduler, const std::optional<TouchedMemory>& touched);

}  // namespace sluice
