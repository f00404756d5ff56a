#pragma once

#include <functional>
#include <vector>

#include <sluice/core/parameter.h>
#include <sluice/mbp/run/scheduler.h>

namespace sluice {

/// Throws UsageError when a parameter of the plan is bound to another trainer.
void check_unbound(const RunPlan& plan);

/// The parameters of a plan while their values live in its slab: whoever reads or writes one reaches the slab.
class BoundParameters final : public ParameterHome {
 public:
  /// Binds every parameter of `plan`, whose values the slab of `scheduler` holds. Both must outlive this. `on_write` is
  /// called after the slab was written.
  BoundParameters(const RunPlan& plan, Scheduler& scheduler, std::function<void()> on_write);
  /// Brings the values back to the host. Where the device cannot be read (a kernel failed, and every later call with
  /// it), the values that the host had before stay, and a line on standard error says so.
  ~BoundParameters() override;
  BoundParameters(const BoundParameters&) = delete;
  BoundParameters& operator=(const BoundParameters&) = delete;

  Tensor read(const ParameterData& parameter) const override;
  void write(const ParameterData& parameter, const Tensor& value) override;

 private:
  int storage_of(const ParameterData& parameter) const;

  const RunPlan& plan_;
  Scheduler& scheduler_;
  std::function<void()> on_write_;
};

}  // namespace sluice
