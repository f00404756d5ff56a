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

/// Plans runs of one step, traced once, under the options of a Trainer or variations of them; or runs without a step,
/// that only evaluate and predict. Allocates nothing on the device.
class StepPlanner {
 public:
  /// Throws ShapeError (graph) and UsageError (no trainable parameter, tuning file).
  /// `position`: samples of the epoch under way that are done already, maybe with another batch.
  StepPlanner(ModuleBase& model, const Optimizer& optimizer, const StepFunction& step, const DataSpec& data,
              const TrainerOptions& options, std::int64_t position = 0);
  /// Evaluation and prediction alone. `forward` may return no loss. `options.batch`: the most samples of a micro-batch.
  StepPlanner(ModuleBase& model, const StepFunction& forward, const DataSpec& data, const TrainerOptions& options);

  /// The plan for the options. Throws OutOfMemory as choose_plan() does, and UsageError for a split of which a layer
  /// says that its parts are too small (Op::least_samples); micro-batches that are not asked for by size are never
  /// that.
  std::unique_ptr<RunPlan> chosen() const { return chosen(wish(options_.micro_batch, options_.budget)); }
  /// The same for other wishes.
  std::unique_ptr<RunPlan> chosen(const PlanWish& wish) const;
  PlanWish wish(std::int64_t micro_batch, std::size_t budget_bytes) const;
  /// One plan as it is described.
  std::unique_ptr<RunPlan> plan(const PlanChoice& choice, std::size_t budget_bytes,
                                Crossing crossing = Crossing::keep) const;

  /// One plan of a logical batch of another size, without a budget.
  std::unique_ptr<RunPlan> plan_of_batch(const PlanChoice& choice, std::int64_t batch) const;

  /// Planned peak of the whole logical batch as one micro-batch, nothing recomputed, with the smallest workspaces.
  std::size_t whole_batch_bytes() const;
  /// The least bytes in which a step can be made, the fewest samples possible at a time, by the options' Recompute.
  std::size_t smallest_budget() const;
  /// How many bytes more a micro-batch with one sample more takes (staging and arena, smallest workspaces). With
  /// Recompute::automatic: where everything is recomputed that makes the arena smaller.
  double bytes_per_sample(Recompute recompute) const;

  /// The kernels of `plan` that have a choice of algorithm. They are valid as long as the planner.
  ChoiceRecorder choices_of(const RunPlan& plan) const;
  /// Calls `visit` for each plan that the fastest micro-batch is chosen from; of none where that is not asked for.
  void for_each_candidate(const std::function<void(RunPlan& plan)>& visit) const;
  /// The file that the options name, to add times to. Throws UsageError where there is none.
  TuningFile& tuning_file();
  /// Says that the file has times of more kernels: plans may have other algorithms from here on.
  void algorithms_changed() { known_peaks_.clear(); }

  std::int64_t batch() const;  ///< of the options, at most the data set
  bool forward_only() const { return !training_.graph; }
  const StepGraph& training() const { return training_; }  ///< without a graph where no step is planned
  const StepGraph& evaluation() const { return evaluation_; }
  const DataSpec& evaluation_data() const { return evaluation_data_; }
  const LeastSamples& evaluation_least() const { return evaluation_least_; }
  /// Equal for equal models: of the graph as the step function describes it.
  const std::string& identity() const { return identity_; }

  /// Returns what `work()` returns, with the options' threads and precision, which plans are made for.
  template <class Work>
  auto with_settings(Work&& work) const {
    return with_run_settings(run_, options_.threads, std::forward<Work>(work));
  }
  Backend& backend() const { return *backend_; }
  const DeviceRun& device_run() const { return run_; }
  const TrainerOptions& options() const { return options_; }

 private:
  std::unique_ptr<RunPlan> chosen_here(const PlanWish& wish) const;
  void open_tuning_file(const std::string& who);
  std::string refusal(std::int64_t micro_batch) const;
  std::int64_t least_micro_batch() const;
  RunPlanRequest request(const PlanChoice& choice, std::size_t budget_bytes, Crossing crossing,
                         AlgorithmChooser* chooser, std::int64_t batch) const;
  std::unique_ptr<RunPlan> plan_with(const PlanChoice& choice, std::size_t budget_bytes, Crossing crossing,
                                     AlgorithmChooser* chooser) const;
  DataSpec data_;  // its samples: those of an epoch
  std::int64_t dropped_ = 0;
  std::int64_t position_ = 0;  // in the epoch under way
  DataSpec evaluation_data_;
  TrainerOptions options_;
  Backend* backend_;
  DeviceRun run_;
  std::string identity_;
  StepGraph training_, evaluation_;
  LeastSamples training_least_, evaluation_least_;
  mutable std::optional<TuningFile> tuning_;
  mutable std::map<Crossing, std::map<std::int64_t, std::size_t>> known_peaks_;  // PlanWish::known_peaks
};

}  // namespace sluice
