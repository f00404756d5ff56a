#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <sluice/mbp/plan/options.h>
#include <sluice/mbp/plan/step_graph.h>
#include <sluice/mbp/run/epoch_average.h>
#include <sluice/mbp/run/scheduler.h>
#include <sluice/mbp/train/result.h>
#include <sluice/optim/training_state.h>

namespace sluice {

/// Runs the steps of a Trainer, one logical batch after the other, from the position in its TrainingState.
class TrainingLoop {
 public:
  /// References to the objects that the loop uses. All must outlive the loop.
  struct Setting {
    RunPlan& plan;
    const StepGraph& training;
    const Optimizer& optimizer;
    TrainingState& state;
    const TrainerOptions& options;
    const DataSpec& data;
    std::atomic<bool>& stop;  ///< if set, a run ends after the current micro-batch and clears it
  };
  explicit TrainingLoop(const Setting& setting);

  /// Trains with up to `most` logical batches, at most to the end of the epoch. `read_ahead`: the loader also reads the
  /// first micro-batch of the next call. The data set is not read after this returns. Throws as Trainer::step().
  Result run(Scheduler& scheduler, const Dataset& data, std::int64_t most, bool read_ahead);
  /// Discards what was read ahead. Call it before other code writes the staging.
  void forget_what_was_read();
  /// Sets the log of the loader; null: none.
  void log_loads(LoadLog* log);

  void skip_batch();
  /// Whether the gradients of a finished step exist.
  bool has_gradient() const { return has_gradient_; }
  void on_progress(std::function<void(const Progress&)> callback) { callback_ = std::move(callback); }

 private:
  using Clock = std::chrono::steady_clock;

  void begin_run(Scheduler& scheduler, const Dataset& data, std::int64_t most);
  void check_position() const;
  std::int64_t samples() const { return set_.plan.summary.samples; }
  std::int64_t batch() const { return std::min(set_.options.batch, samples()); }
  Pass pass_of(std::int64_t count, bool another) const;
  bool one_step(Scheduler& scheduler, std::int64_t count, bool another, Result& result);
  bool run_step(Scheduler& scheduler, const Pass& pass);
  bool accept(Scheduler& scheduler, const Pass& pass, Result& result);
  void end_epoch_if_done();
  void set_numbers(Scheduler& scheduler, Result& result) const;
  std::vector<Var> checked() const;

  Setting set_;
  EpochAverage average_;
  std::optional<Feeder> feeder_;  // lives from call to call, with what it has read ahead
  std::uint64_t fed_by_ = 0;      // Dataset::id() of the data set that it reads
  LoadLog* log_ = nullptr;
  bool has_gradient_ = false;
  std::int64_t failed_ = 0;  // samples of the logical batch at which the last step threw; 0: none
  std::function<void(const Progress&)> callback_;
  Progress progress_;
  Clock::time_point start_;
};

}  // namespace sluice
