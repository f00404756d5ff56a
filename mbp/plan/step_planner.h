#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include <sluice/mbp/plan/choose.h>
#include <sluice/mbp/plan/least_samples.h>
#include <sluice/mbp/plan/make_run_plan.h>
#include <sluice/mbp/plan/options.h>
#include <sluice/mbp/plan/run_settings.h>
#include <sluice/mbp/plan/step_graph.h>
#include <sluice/mbp/plan/tuning.h>

namespace sluice {

/// Makes plans for one model: of training, or of evaluation and prediction only. It traces the step once
/// and plans it under the options of a Trainer or variations of them. Allocates nothing on the device.
class StepPlanner {
 public:
  /// `position`: samples of the current epoch that are already done, maybe with another batch.
  /// Throws ShapeError (graph) and UsageError (no trainable parameter, tuning file).
  StepPlanner(ModuleBase& model, const Optimizer& optimizer, const StepFunction& step, const DataSpec& data,
              const TrainerOptions& options, std::int64_t position = 0);
  /// Plans only evaluation and prediction. `forward` may return no loss. `options.batch`: the most samples of a
  /// micro-batch.
  StepPlanner(ModuleBase& model, const StepFunction& forward, const DataSpec& data, const TrainerOptions& options);

  /// Returns the best plan under the options. Throws OutOfMemory as choose_plan() does, and UsageError if
  /// the micro-batch in the options leads to parts that are too small for a layer (Op::least_samples). A
  /// micro-batch that the planner chooses is never too small.
  std::unique_ptr<RunPlan> chosen() const { return chosen(constraints(options_.micro_batch, options_.budget)); }
  /// The same under other constraints.
  std::unique_ptr<RunPlan> chosen(const PlanConstraints& constraints) const;
  /// The constraints of the options, with another micro-batch and budget.
  PlanConstraints constraints(std::int64_t micro_batch, std::size_t budget_bytes) const;
  /// Makes the one plan that `choice` describes, whether it fits or not.
  std::unique_ptr<RunPlan> plan(const PlanChoice& choice, std::size_t budget_bytes,
                                Crossing crossing = Crossing::store) const;
  /// Makes a plan for a logical batch of another size, without a budget.
  std::unique_ptr<RunPlan> plan_of_batch(const PlanChoice& choice, std::int64_t batch) const;

  /// Returns the planned peak of the whole logical batch as one micro-batch, without recomputation and with
  /// the smallest workspaces.
  std::size_t whole_batch_bytes() const;
  /// Returns the smallest budget in which a step is possible, with the smallest micro-batch and the
  /// Recompute of the options.
  std::size_t smallest_budget() const;
  /// Returns the bytes that one more sample per micro-batch takes (staging and arena, smallest workspaces).
  /// With Recompute::automatic for the smallest arenas.
  double bytes_per_sample(Recompute recompute) const;

  /// Returns the kernels of `plan` that have a choice of algorithm. Valid as long as the planner.
  ChoiceRecorder choices_of(const RunPlan& plan) const;
  /// Calls `visit` for each candidate of the fastest micro-batch; for none if the options do not ask for
  /// the fastest.
  void for_each_candidate(const std::function<void(RunPlan& plan)>& visit) const;
  /// Returns the tuning file of the options, to add times to it. Throws UsageError if there is none.
  TuningFile& tuning_file();
  /// To be called after times were added to the file: plans may have other algorithms from now on.
  void algorithms_changed() { known_peaks_.clear(); }

  std::int64_t batch() const;  ///< logical batch of the options, at most the data set
  bool forward_only() const { return !training_.graph; }
  const StepGraph& training() const { return training_; }  ///< without a graph if no training is planned
  const StepGraph& evaluation() const { return evaluation_; }
  const DataSpec& evaluation_data() const { return evaluation_data_; }
  const LeastSamples& evaluation_least() const { return evaluation_least_; }
  /// Trace::identity() of the model: equal for equal models.
  const std::string& identity() const { return identity_; }

  /// Calls `work()` with the threads and precision of the options. Returns what it returns.
  template <class Work>
  auto with_settings(Work&& work) const {
    return with_run_settings(run_, options_.threads, std::forward<Work>(work));
  }
  Backend& backend() const { return *backend_; }
  const DeviceRun& device_run() const { return run_; }
  const TrainerOptions& options() const { return options_; }

 private:
  std::unique_ptr<RunPlan> chosen_here(const PlanConstraints& constraints) const;
  void open_tuning_file(const std::string& who);
  std::string refusal(std::int64_t micro_batch) const;
  std::int64_t least_micro_batch() const;
  RunPlanRequest request(const PlanChoice& choice, std::size_t budget_bytes, Crossing crossing,
                         AlgorithmChooser* chooser, std::int64_t batch) const;
  std::unique_ptr<RunPlan> plan_with(const PlanChoice& choice, std::size_t budget_bytes, Crossing crossing,
                                     AlgorithmChooser* chooser) const;
  DataSpec data_;  // `samples` is the number of samples of an epoch
  std::int64_t dropped_ = 0;
  std::int64_t position_ = 0;  // in the current epoch
  DataSpec evaluation_data_;
  TrainerOptions options_;
  Backend* backend_;
  DeviceRun run_;
  std::string identity_;
  StepGraph training_, evaluation_;
  LeastSamples training_least_, evaluation_least_;
  mutable std::optional<TuningFile> tuning_;
  mutable std::map<Crossing, std::map<std::int64_t, std::size_t>> known_peaks_;  // PlanConstraints::known_peaks
};

}  // namespace sluice
