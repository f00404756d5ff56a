#pragma once

#include <cstddef>
#include <optional>

#include <sluice/core/device_run.h>
#include <sluice/mbp/run/scheduler.h>
#include <sluice/mbp/train/memory_report.h>

namespace sluice {

/// Bytes before the run and bytes of the host, with which a report compares.
struct MemoryBefore {
  std::size_t budget = 0;     ///< 0: none
  std::size_t resident = 0;   ///< resident memory of the process before planning
  std::size_t allocated = 0;  ///< allocated by the run before the slab
  std::size_t host = 0;       ///< held by data sets
};

/// Returns the report of planned and measured bytes. `scheduler`: null before the first run. `touched`: the touched
/// memory; empty if it was not measured.
MemoryReport measured_memory(const RunPlan& plan, const DeviceRun& run, const MemoryBefore& before,
                             Scheduler* scheduler, const std::optional<TouchedMemory>& touched);

}  // namespace sluice
