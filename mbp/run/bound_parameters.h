#pragma once

#include <functional>
#include <string>
#include <vector>

#include <sluice/core/parameter.h>
#include <sluice/mbp/run/scheduler.h>
#include <sluice/optim/training_state.h>

namespace sluice {

/// Throws UsageError when a parameter of the plan is bound to another Trainer or Predictor. `who`: "trainer", for the
/// message.
void check_unbound(const RunPlan& plan, const std::string& who);

/// Binds the parameters of a plan and the optimizer's tensors to its slab: reads and writes of them go to the slab. If
/// the host can read the slab, it has no copy of them.
class BoundParameters final : public ParameterHome, public StateHome {
 public:
  /// Binds every parameter of `plan` to the slab of `scheduler`, which has their values. Moves the optimizer's tensors
  /// in `state` to the slab; tensors that are not in `state` begin with their first values. All arguments must outlive
  /// this. `state`: null without training. `on_write` is called after every write of a parameter.
  BoundParameters(const RunPlan& plan, Scheduler& scheduler, TrainingState* state, std::function<void()> on_write);
  /// Copies all values back to the host. If the device cannot be read (after a kernel failed, every later call fails),
  /// it prints a line on standard error. The parameters then have the values that the host had before, and the
  /// optimizer's tensors are lost.
  ~BoundParameters() override;
  BoundParameters(const BoundParameters&) = delete;
  BoundParameters& operator=(const BoundParameters&) = delete;

  Tensor read(const ParameterData& parameter) const override;
  void write(const ParameterData& parameter, const Tensor& value) override;
  Tensor read(const std::string& parameter, const std::string& state) const override;

 private:
  int storage_of(const ParameterData& parameter) const;
  void bind_states();
  void return_states(std::string& lost);

  const RunPlan& plan_;
  Scheduler& scheduler_;
  TrainingState* state_;
  std::vector<std::pair<TrainingState::Key, int>> states_;  // and their storages
  std::function<void()> on_write_;
};

}  // namespace sluice
