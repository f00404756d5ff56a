#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

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

/// Trains a model with any logical batch inside a byte budget. The constructor plans, without data; the first step
/// allocates memory. Training continues from the optimizer's TrainingState for the model. So a new Trainer for the two,
/// made after this one is destroyed, continues where this one ended. Every call that plans or runs throws DeviceError,
/// before it changes anything, if fewer threads are granted than the plan has (Backend::with_threads).
class Trainer {
 public:
  /// Plans. `model`, `optimizer` and what `step` captures must outlive the trainer and must not move; a run without its
  /// model or optimizer throws UsageError. `data` is copied. A Dataset needs to live only as long as the call that gets
  /// it. The trainer shares ownership of the parameters. Parameters without values are initialised. Throws
  /// - ShapeError (graph),
  /// - UsageError: options; a parameter that the step reads and `model` does not own, unless it is initialised and
  ///   frozen; a split into parts that are too small for a layer, as one value per channel is for BatchNorm,
  /// - OutOfMemory (with the smallest feasible budget).
  Trainer(ModuleBase& model, Optimizer& optimizer, StepFunction step, const DataSpec& data, TrainerOptions options);
  /// Copies the values of the parameters back to the host. Does not touch model or optimizer.
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  const Plan& plan() const;
  /// Returns the planned peak of the same training without micro-batches: the whole logical batch at once, with the
  /// smallest workspaces. Bytes.
  std::size_t whole_batch_planned_bytes() const;
  const TrainerOptions& options() const;

  /// Takes one step: trains with the next logical batch of the current epoch and updates the parameters. The call also
  /// reads the first micro-batch of the next batch ahead, so a change of the data set between two calls may take effect
  /// one micro-batch late. Throws
  /// - UsageError if the model was changed after planning (for options of your own modules see note_model_change()), a
  ///   parameter has no value (init::none()), a scalar of the optimizer is missing or unknown, or `data` differs from
  ///   the planned spec,
  /// - NumericError for NaN or infinity in loss or gradients, and for a scalar of the optimizer that is not finite,
  /// - DataError for a sample that cannot be read or has a label outside the classes.
  ///
  /// An error leaves everything as it was before the step. The next call tries the same batch again; see skip_batch().
  Result step(const Dataset& data);
  /// Trains with the rest of the current epoch.
  Result run_epoch(const Dataset& data);
  /// Skips the logical batch whose step threw, so the next step takes the batch after it. Throws UsageError if no batch
  /// has caused an error. An error of the optimizer's scalars does not count as one.
  void skip_batch();
  /// Returns loss and metrics over `data` in evaluation mode. Changes nothing. `data` may have any number of samples,
  /// and needs only the fields that the step reads. Throws UsageError if it lacks one of them, or if a micro-batch has
  /// too few samples for a layer.
  Result evaluate(const Dataset& data);
  /// Returns the sample-scope output called `output` for every sample of `data`: [n, ...]. Otherwise as evaluate().
  Tensor predict(const Dataset& data, const std::string& output);

  /// Sets a function that is called after every micro-batch of training. Inside an OpenMP parallel region it is called
  /// on another thread. It may call stop() and the functions that report; step, run_epoch, evaluate, predict and
  /// skip_batch throw UsageError in it.
  void on_progress(std::function<void(const Progress&)> callback);
  /// Sets a function that is called between two steps, and after the last one of a call. It may do what on_progress()
  /// says, and save().
  void on_step(std::function<void()> callback);
  /// Requests the run to end after the current micro-batch. Safe in a signal handler. An unfinished step changes
  /// nothing.
  void stop() noexcept { stop_ = true; }

  /// Whether steps train the parameter: the step reads it and it is not frozen. Valid before the first step too.
  bool trains(const Parameter& parameter) const;
  /// Returns the gradient of the last step in the logical layout. Throws UsageError if there was no step, the parameter
  /// is not trained (see trains()), or the update cleared its gradient (see TrainerOptions::keep_gradients).
  Tensor gradient(const Parameter& parameter) const;
  /// Returns the progress of training and the optimizer's tensors.
  const TrainingState& training_state() const;
  /// Writes a checkpoint: a safetensors file with the parameters, the optimizer's tensors, the position of training and
  /// the settings of this run. It is complete on the disk when this returns; a failure leaves the file that was there.
  /// `notes`: what the program wants to find in it (Checkpoint::notes()). Throws UsageError within a step, Error when
  /// the file cannot be written.
  void save(const std::string& path, const std::map<std::string, std::string>& notes = {}) const;
  /// Continues from a checkpoint: the next step is the one after it. Returns the settings that differ from those of the
  /// run that saved it ("micro-batch: 7 in the checkpoint, 64 now"); if there are none, every later bit is that of a
  /// run that was not interrupted. Where a batch of another size is to continue in the middle of an epoch, restore
  /// before the Trainer is made (mbp/train/checkpoint.h). Throws DataError, with everything as it was, for a checkpoint
  /// of another model, kind of optimizer or seed, and for what is no checkpoint; UsageError within a run.
  std::vector<std::string> restore(const std::string& path);
  MemoryReport memory_report() const;
  /// Returns all details of the plan, after a run with measured bytes.
  PlanDetails plan_details() const;
  /// Returns how the parts have been replayed so far.
  RecordedParts recorded_parts() const;
  /// Times every kernel of the next `steps` training steps. Allocates memory for the times before the first step.
  /// Throws UsageError in verify mode, because its checks would dominate the times.
  void record_times(std::int64_t steps);
  /// Returns the times recorded so far; call it between runs. Part indices refer to plan_details().
  KernelTimes kernel_times() const;
  /// Hash of all parameters in logical layout.
  std::string weights_hash() const;

 private:
  class Impl;
  std::atomic<bool> stop_ = false;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
