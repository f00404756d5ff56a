#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <sluice/data/dataset.h>
#include <sluice/layers/module.h>
#include <sluice/mbp/plan/batch.h>
#include <sluice/mbp/plan/options.h>
#include <sluice/mbp/plan/plan_details.h>
#include <sluice/mbp/run/kernel_times.h>
#include <sluice/mbp/run/recorded_parts.h>
#include <sluice/mbp/train/memory_report.h>
#include <sluice/mbp/train/result.h>
#include <sluice/optim/optimizer.h>

namespace sluice {

/// Trains a model with any logical batch inside a byte budget. Planning happens in the constructor and needs no data;
/// memory is taken at the first step. Training goes on from the optimizer's TrainingState of the model: another Trainer
/// for the two, made after this one is gone, continues where this one ended. Every call that plans or runs throws
/// DeviceError where the threads that were planned with are not granted (Backend::with_threads), before it changes
/// anything.
class Trainer {
 public:
  /// `model`, `optimizer` and what `step` captures must outlive the trainer and stay where they are; of the first two,
  /// every later run says so with UsageError when they do not. `data` is copied, and a Dataset only has to live as long
  /// as the call it is given to. The trainer shares ownership of the parameters, and its destructor, which touches
  /// neither model nor optimizer, brings their values back to the host. Parameters without values are initialised.
  /// Throws ShapeError (graph), UsageError (options; a parameter that the step reads and `model` does not own, unless
  /// it is initialised and frozen; a split into parts that are too small for a layer, as one value a channel is for
  /// BatchNorm), OutOfMemory (with the smallest feasible budget).
  Trainer(ModuleBase& model, Optimizer& optimizer, StepFunction step, const DataSpec& data, TrainerOptions options);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  const Plan& plan() const;
  /// Planned peak of the same run with the whole logical batch as one micro-batch and the smallest workspaces: what
  /// training would take without micro-batching.
  std::size_t whole_batch_planned_bytes() const;
  const TrainerOptions& options() const;

  /// The next logical batch of the current epoch: one update. The beginning of the batch after it is read ahead, within
  /// this call; what a data set changes of itself between two calls may come a micro-batch late. Throws UsageError when
  /// the model was changed after planning (of a module's own options: see note_model_change()), a parameter has no
  /// value (init::none()), a scalar of the optimizer is missing or unknown, or `data` is not what was planned for;
  /// NumericError for NaN or infinity in loss or gradients, and for a scalar of the optimizer that is not finite;
  /// DataError for a sample that cannot be read or whose labels no class has. After an error everything is as before
  /// the step, which the next call tries again: see skip_batch().
  Result step(const Dataset& data);
  /// What is left of the current epoch.
  Result run_epoch(const Dataset& data);
  /// Goes on behind the logical batch in which the last step threw: the next step is that of the batch after it. Throws
  /// UsageError when there is none, as after an error of the optimizer's scalars, which no batch has caused.
  void skip_batch();
  /// Loss and metrics over `data` in evaluation mode; changes nothing. `data` may have any number of samples, and needs
  /// only the fields that are read. Throws UsageError when it lacks one, or so few samples are left for a micro-batch
  /// that a layer has no meaning.
  Result evaluate(const Dataset& data);
  /// The sample-scope output called `output` for every sample of `data`: [n, ...], evaluation mode. As evaluate().
  Tensor predict(const Dataset& data, const std::string& output);

  /// Called after every micro-batch of training; from another thread when the trainer was called inside an OpenMP
  /// parallel region. It may ask for reports and stop(); step, run_epoch, evaluate, predict and skip_batch throw
  /// UsageError there.
  void on_progress(std::function<void(const Progress&)> callback);
  /// Asks the run to end after the micro-batch it is in; safe from a signal handler. The unfinished step leaves no
  /// trace.
  void stop() noexcept { stop_ = true; }

  /// Whether steps train the parameter: the step reads it and it is not frozen. Known before the first step.
  bool trains(const Parameter& parameter) const;
  /// The gradient of the last step, logical layout. Throws UsageError when there was no step, the parameter is not
  /// trained here (see trains()), or its gradient was cleared (see TrainerOptions::keep_gradients).
  Tensor gradient(const Parameter& parameter) const;
  /// Where training is, and the optimizer's tensors.
  const TrainingState& training_state() const;
  MemoryReport memory_report() const;
  /// The plan with all its bytes; after a run with what was measured of them.
  PlanDetails plan_details() const;
  /// By now.
  RecordedParts recorded_parts() const;
  /// Times every kernel of the next `steps` training steps, in memory that is taken before the first of them. Throws
  /// UsageError in verify mode, whose checks would be what is timed.
  void record_times(std::int64_t steps);
  /// What was recorded so far; call it between runs. Parts are those of plan_details().
  KernelTimes kernel_times() const;
  /// Hash of all parameters in logical layout.
  std::string weights_hash() const;

 private:
  class Impl;
  std::atomic<bool> stop_ = false;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
