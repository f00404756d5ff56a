#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/core/graph.h>
#include <sluice/core/stages.h>
#include <sluice/data/dataset.h>
#include <sluice/layers/module.h>
#include <sluice/mbp/kernel_times.h>
#include <sluice/mbp/memory_report.h>
#include <sluice/mbp/plan_details.h>
#include <sluice/mbp/plan_options.h>
#include <sluice/mbp/recorded_parts.h>
#include <sluice/optim/optimizer.h>

namespace sluice {

/// What a step function sees: the fields of a micro-batch as Vars.
class Batch {
 public:
  Batch(Graph& graph, const DataSpec& spec);

  /// The field by its name in the data set's spec; u8 images arrive normalised as f32. Throws UsageError naming the
  /// fields.
  Var operator[](const std::string& field) const;
  /// Gives `value` a name. Batch scope (a metric, say) is reported with every step and evaluation; sample scope
  /// (logits, say) is what Trainer::predict returns by that name.
  void output(const std::string& name, Var value) const;

  const std::vector<std::pair<std::string, Var>>& outputs() const { return outputs_; }

 private:
  Graph& graph_;
  const DataSpec& spec_;
  mutable std::vector<std::pair<std::string, Var>> outputs_;
};

/// A step: from a micro-batch's Vars to the loss, a batch scalar.
using StepFunction = std::function<Var(const Batch&)>;

/// TrainerOptions::budget: what is free on a device of its own memory when its libraries are loaded, less a reserve for
/// what they may load later (a 32nd of the device's memory, at least 256 MiB).
inline constexpr std::size_t free_memory = std::numeric_limits<std::size_t>::max();

/// What a Trainer does with a logical batch whose loss or gradients are not finite. Parameters, optimizer state and the
/// number of the step (so the schedule) stay as they are in both cases.
enum class OnNonFinite : std::uint8_t {
  stop,  ///< throws NumericError, which says where the NaN or infinity came from; skip_batch() goes on
  skip,  ///< leaves it out and counts it (Result::skipped)
};

/// What a Trainer is asked for; only `batch` must be given.
struct TrainerOptions {
  std::int64_t batch = 0;        ///< logical batch: samples per update
  std::int64_t micro_batch = 0;  ///< samples per replay; 0: the largest that fits
  bool fastest = false;          ///< with micro_batch 0: the one with the fastest step instead, as far as that is known
  std::size_t budget = 0;        ///< bytes; 0: none; free_memory
  Device device = Device::best();
  /// Of the cpu device, for every run of the plan, whichever thread calls; 0: OpenMP's number (OMP_NUM_THREADS, or all
  /// cores the process may use), or as many of them as OpenMP grants. Trainer::options() says how many they are.
  int threads = 0;
  Precision precision = Precision::automatic;  ///< what contractions multiply in
  std::uint64_t seed = 1;                      ///< of initialisation, shuffling and dropout
  bool shuffle = true;
  bool drop_last = false;  ///< an epoch leaves out its last, partial logical batch
  OnNonFinite on_non_finite = OnNonFinite::stop;
  std::optional<DataSpec> evaluation = {};  ///< the data set evaluate() and predict() will see, to plan for its size
  bool verify_memory = false;               ///< check every byte around every kernel; slow
  unsigned char poison = 0xA5;              ///< what the slab holds before anything is written
  /// File of measured algorithm choices to plan by (see mbp/tuning.h); empty: the cost model chooses.
  std::string tuning = {};
  bool tune = false;                           ///< measure first what the tuning file does not know yet, and write it
  bool keep_gradients = false;                 ///< for Trainer::gradient(); else the update clears them in its pass
  bool record = true;                          ///< replay recordings of kernels (CUDA graphs) where the device can
  bool fold = true;                            ///< pull label-dependent scalar factors out of the replay
  Recompute recompute = Recompute::automatic;  ///< which values may be computed again to save memory
  PlannerPasses passes = {};                   ///< what the planner does to save memory
  /// Of what a later stage needs; empty: kept where that fits the budget, else recomputed.
  std::optional<Crossing> crossing = {};
};

/// What the numbers of a Result are of: all samples under the same parameters, or training, whose parameters change
/// from step to step.
enum class ResultOf : std::uint8_t { evaluation, step, epoch };

/// Named numbers of a step, an epoch or an evaluation. Of several steps, each number is what an evaluation of their
/// samples gives: sums over samples are added up, and loss and metrics computed from the totals (see
/// mbp/epoch_average.h for what is averaged by samples instead, as a loss of a batch_gather is). NaN where no step was
/// taken.
struct Result {
  double loss = 0;
  std::map<std::string, double> metrics = {};  ///< batch-scope outputs, by name
  std::int64_t epoch = 0;
  std::int64_t step = 0;  ///< updates so far
  std::int64_t samples = 0;
  std::int64_t skipped = 0;  ///< logical batches that were left out (OnNonFinite::skip); in no other number here
  double seconds = 0;
  double waited_s = 0;   ///< of these seconds, how many a step waited for its samples (training only)
  bool stopped = false;  ///< by stop(), before it was complete
  ResultOf of = ResultOf::evaluation;

  double images_per_second() const { return seconds > 0 ? static_cast<double>(samples) / seconds : 0; }
};
/// One line: "epoch 3, average of training: loss 0.41, accuracy 0.86, 9100 samples/s", "step 17: loss …", "loss …".
std::ostream& operator<<(std::ostream& out, const Result& result);

/// Where a run is; given to the progress callback after every micro-batch.
struct Progress {
  std::int64_t epoch = 0;
  std::int64_t step = 0, steps = 0;             ///< of the epoch
  std::int64_t replay = 0, replays = 0;         ///< of the step
  std::int64_t samples = 0, total_samples = 0;  ///< of the epoch
  double loss = 0;                              ///< of the last finished step; NaN before the first
  double seconds = 0;                           ///< since the epoch began
};

/// Trains a model with any logical batch inside a byte budget. Planning happens in the constructor and needs no data;
/// memory is taken at the first step. Every call that plans or runs throws DeviceError where the threads that were
/// planned with are not granted (Backend::with_threads), before it changes anything.
class Trainer {
 public:
  /// `model`, `optimizer` and what `step` captures must outlive the trainer. Parameters without values are initialised.
  /// Throws ShapeError (graph), UsageError (options; a parameter that the step reads and `model` does not own, unless
  /// it is initialised and frozen; a split into parts that are too small for a layer, as one value a channel is for
  /// BatchNorm), OutOfMemory (with the smallest feasible budget).
  Trainer(Module& model, Optimizer& optimizer, StepFunction step, const DataSpec& data, TrainerOptions options);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  const Plan& plan() const;
  /// Planned peak of the same run with the whole logical batch as one micro-batch and the smallest workspaces: what
  /// training would take without micro-batching.
  std::size_t whole_batch_planned_bytes() const;
  const TrainerOptions& options() const;

  /// The next logical batch of the current epoch: one update. Throws UsageError when the model was changed after
  /// planning or `data` is not what was planned for; NumericError for NaN or infinity in loss or gradients, and for a
  /// scalar of the optimizer that is not finite; DataError for a sample that cannot be read or whose labels no class
  /// has. After an error everything is as before the step, which the next call tries again: see skip_batch().
  Result step(const Dataset& data);
  /// What is left of the current epoch.
  Result run_epoch(const Dataset& data);
  /// Goes on behind the logical batch in which the last step threw: the next step is that of the batch after it. Throws
  /// UsageError when there is none, as after an error of the optimizer's scalars, which no batch has caused.
  void skip_batch();
  /// Loss and metrics over `data` in evaluation mode; changes nothing.
  Result evaluate(const Dataset& data);
  /// The sample-scope output called `output` for every sample of `data`: [n, ...], evaluation mode.
  Tensor predict(const Dataset& data, const std::string& output);

  /// Called after every micro-batch of training; from another thread when the trainer was called inside an OpenMP
  /// parallel region. It may ask for reports and stop(); step, run_epoch, evaluate, predict and skip_batch throw
  /// UsageError there.
  void on_progress(std::function<void(const Progress&)> callback);
  /// Asks the run to end after the micro-batch it is in; safe from a signal handler. The unfinished step leaves no
  /// trace.
  void stop() noexcept { stop_ = true; }

  /// The gradient of the last step, logical layout. Throws UsageError when there was no step, the parameter is not
  /// trained here, or its gradient was cleared (see TrainerOptions::keep_gradients).
  Tensor gradient(const Parameter& parameter) const;
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
