#include <sluice/core/device_run.h>

#include <string>

#include <sluice/core/error.h>

namespace sluice {
namespace {

thread_local const DeviceRun::Scope* innermost_scope = nullptr;
thread_local const AllocationSeal* innermost_seal = nullptr;

}  // namespace

void MemoryCount::add(std::size_t bytes) noexcept {
  const std::size_t now = bytes_ += bytes;
  std::size_t peak = peak_;
  while (peak < now && !peak_.compare_exchange_weak(peak, now)) {
  }
}

DeviceRun::Scope::Scope(const DeviceRun& run) : run_(run), outside_(innermost_scope) { innermost_scope = this; }
DeviceRun::Scope::~Scope() { innermost_scope = outside_; }

AllocationSeal::AllocationSeal(const Backend& backend) : backend_(backend), outside_(innermost_seal) {
  innermost_seal = this;
}
AllocationSeal::~AllocationSeal() { innermost_seal = outside_; }

const DeviceRun* Backend::run_here() const {
  const DeviceRun::Scope* scope = innermost_scope;
  while (scope && &scope->run_.backend() != this) scope = scope->outside_;
  return scope ? &scope->run_ : nullptr;
}

Precision Backend::precision() const {
  const DeviceRun* const run = run_here();
  return run ? run->precision() : resolved(Precision::automatic);
}

Buffer Backend::allocate(std::size_t bytes) {
  for (const AllocationSeal* seal = innermost_seal; seal; seal = seal->outside_)
    if (&seal->backend_ == this)
      throw OutOfMemory("memory: unplanned allocation of " + std::to_string(bytes) + " bytes in kernel '" +
                        running_kernel() + "'; expected none between plan and end of the run");
  void* const data = do_allocate(bytes);
  const DeviceRun* const run = run_here();
  allocated_ += bytes;
  if (run) run->memory().add(bytes);
  return Buffer(*this, data, bytes, run ? run->memory_ : nullptr);
}

void Backend::release(void* data, std::size_t bytes, MemoryCount* count) noexcept {
  allocated_ -= bytes;
  if (count) count->subtract(bytes);
  do_free(data, bytes);
}

}  // namespace sluice
