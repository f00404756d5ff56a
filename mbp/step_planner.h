#pragma once

#include <map>
#include <memory>
#include <optional>

#include <sluice/mbp/choose.h>
#include <sluice/mbp/least_samples.h>
#include <sluice/mbp/run_settings.h>
#include <sluice/mbp/step_graph.h>
#include <sluice/mbp/tuning.h>

namespace sluice {

/// Plans runs of one step, traced once, under the options of a Trainer or variations of them. Allocates nothing on the
/// device.
class StepPlanner {
 public:
  /// Throws ShapeError (graph) and UsageError (no trainable parameter, tuning file).
  StepPlanner(ModuleBase& model, const Optimizer& optimizer, const StepFunction& step, const DataSpec& data,
              const TrainerOptions& options);

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

  /// Measures what the tuning file does not know yet: the kernels of `plan` that have a choice; where the fastest
  /// micro-batch is asked for, also those of all candidates, and then a replay of each candidate, one after the other,
  /// each in no more than the budget. False: all of it was known. Throws Error when the file cannot be written.
  bool tune(const RunPlan& plan);

  std::int64_t batch() const;  ///< of the options, at most the data set
  const StepGraph& training() const { return training_; }
  const StepGraph& evaluation() const { return evaluation_; }
  /// Equal for equal models: of the graph as the step function describes it.
  const std::string& identity() const { return identity_; }

 private:
  /// Plans are for the options' threads and precision, whoever asks.
  template <class Work>
  auto with_settings(Work&& work) const {
    return with_run_settings(*backend_, options_.threads, options_.precision, std::forward<Work>(work));
  }

  std::unique_ptr<RunPlan> chosen_here(const PlanWish& wish) const;
  std::string refusal(std::int64_t micro_batch) const;
  std::int64_t least_micro_batch() const;
  RunPlanRequest request(const PlanChoice& choice, std::size_t budget_bytes, Crossing crossing,
                         AlgorithmChooser* chooser, std::int64_t batch) const;
  std::unique_ptr<RunPlan> plan_with(const PlanChoice& choice, std::size_t budget_bytes, Crossing crossing,
                                     AlgorithmChooser* chooser) const;
  bool tune_here(const RunPlan& plan);
  bool tune_kernels(const Plan& plan, const WorkspaceCaps& caps);
  /// Calls `see` for each candidate of the options' wish.
  void for_candidates(const std::function<void(RunPlan& plan)>& see) const;

  DataSpec data_;  // its samples: those of an epoch
  std::int64_t dropped_ = 0;
  DataSpec evaluation_data_;
  TrainerOptions options_;
  Backend* backend_;
  std::string identity_;
  StepGraph training_, evaluation_;
  LeastSamples training_least_, evaluation_least_;
  mutable std::optional<TuningFile> tuning_;
  mutable std::map<Crossing, std::map<std::int64_t, std::size_t>> known_peaks_;  // PlanWish::known_peaks
};

}  // namespace sluice
