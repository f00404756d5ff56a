#include <sluice/mbp/train/measured_memory.h>

#include <algorithm>

#include <sluice/mbp/train/process_memory.h>

namespace sluice {

MemoryReport measured_memory(const RunPlan& plan, const DeviceRun& run, const MemoryBefore& before,
                             Scheduler* scheduler, const std::optional<TouchedMemory>& touched) {
  const Plan& p = plan.summary;
  MemoryReport report{
      .ledger = p.ledger,
      .planned_peak_bytes = p.planned_peak_bytes(),
      .budget_bytes = before.budget,
      .persistent_bytes = p.persistent_bytes,
      .derived_bytes = p.derived_bytes,
      .staging_bytes = p.staging_bytes,
      .arena_bytes = p.arena_bytes,
      .arena_lower_bound_bytes = p.arena_lower_bound_bytes,
      .host_bytes = before.host,
  };
  report.resident_bytes = resident_bytes();
  if (!scheduler) return report;
  const Backend& backend = scheduler->slab().backend();
  report.measured_peak_bytes = run.memory().peak_bytes() - before.allocated;
  report.host_bytes += scheduler->host_staging_bytes();
  std::size_t ours = backend.host_visible() ? scheduler->slab().total_bytes() : 0;  // of the host's memory
  if (const Verifier* const verifier = scheduler->verifier()) {
    report.verified = true;
    report.measured_peak_bytes = verifier->measured_peak_bytes();
    ours += verifier->copies_bytes();
  }
  if (const std::optional<DeviceMemory> memory = backend.memory()) {
    const std::size_t taken = memory->total - memory->free;
    report.device_outside_bytes = taken - std::min(taken, backend.allocated_bytes());
  }
  if (touched) measure(plan, *touched, report.ledger);
  report.scanned = touched && !report.verified;
  const std::size_t grown = peak_resident_bytes() - std::min(peak_resident_bytes(), before.resident);
  report.outside_bytes = grown - std::min(grown, ours);
  return report;
}

}  // namespace sluice
