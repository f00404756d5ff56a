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

/// The parameters of a plan and the optimizer's tensors while their values live in its slab: whoever reads or writes
/// one reaches the slab. Where the host can read the slab, it has no copy of them.
class BoundParameters final : public ParameterHome, public StateHome {
 public:
  /// Binds every parameter of `plan`, whose values the slab of `scheduler` holds, and moves to the slab what `state`
  /// has of the optimizer's tensors; the others begin with their first values. All must outlive this. `state`: null
  /// where nothing is trained. `on_write` is called after the slab was written.
  BoundParameters(const RunPlan& plan, Scheduler& scheduler, TrainingState* state, std::function<void()> on_write);
  /// Brings all values back to the host. Where the device cannot be read (a kernel failed, and every later call with
  /// it), a line on standard error says so; then parameters keep the values that the host had before, and the
  /// optimizer's tensors are gone.
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
