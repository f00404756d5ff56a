#include <sluice/mbp/plan/step_planner.h>

#include <algorithm>
#include <limits>

#include <sluice/core/error.h>
#include <sluice/mbp/plan/micro_batches.h>
#include <sluice/mbp/plan/refine_plan.h>
#include <sluice/mbp/plan/replay_key.h>

namespace sluice {

StepPlanner::StepPlanner(ModuleBase& model, const Optimizer& optimizer, const StepFunction& step, const DataSpec& data,
                         const TrainerOptions& options, std::int64_t position)
    : data_(data),
      position_(position),
      evaluation_data_(options.evaluation.value_or(data)),
      options_(options),
      backend_(&options_.device.backend()),
      run_(*backend_, options_.precision) {
  check_options(data, options);
  if (options.drop_last) dropped_ = data_.samples % batch();
  data_.samples -= dropped_;
  if (position_ >= data_.samples) position_ = 0;  // that epoch is over
  Trace traced = trace(model, step, data_);
  identity_ = traced.identity();
  training_ = make_training_graph(std::move(traced), optimizer, *backend_, options_.fold, options_.keep_gradients);
  evaluation_ = make_evaluation_graph(trace_evaluation(model, step, evaluation_data_), *backend_);
  training_least_ = least_samples(training_);
  evaluation_least_ = least_samples(evaluation_);
  open_tuning_file("trainer");
}

StepPlanner::StepPlanner(ModuleBase& model, const StepFunction& forward, const DataSpec& data,
                         const TrainerOptions& options)
    : data_(data),
      evaluation_data_(data),
      options_(options),
      backend_(&options_.device.backend()),
      run_(*backend_, options_.precision) {
  Trace traced = trace_evaluation(model, forward, data_, "Predictor");
  identity_ = traced.identity();
  evaluation_ = make_evaluation_graph(std::move(traced), *backend_);
  evaluation_least_ = least_samples(evaluation_);
  open_tuning_file("predictor");
}

void StepPlanner::open_tuning_file(const std::string& who) {
  if (options_.tune && options_.tuning.empty())
    throw UsageError(who + ": tune is set and tuning is not; expected the name of the file to write");
  if (!options_.tuning.empty())
    with_settings([&] { tuning_.emplace(options_.tuning, *backend_, /*must_exist=*/!options_.tune); });
}

std::int64_t StepPlanner::batch() const {
  return forward_only() ? options_.batch : std::min(options_.batch, data_.samples);
}

/// Why no step can be made with this micro-batch; empty: it can.
std::string StepPlanner::refusal(std::int64_t micro_batch) const {
  std::string text;
  if (forward_only()) {
    text = sluice::refusal(evaluation_least_, "an evaluation", micro_batch, micro_batch);
    return text.empty() ? text : "plan: " + text;
  }
  micro_batch = MicroBatches(batch(), std::min(micro_batch, batch())).size(0);
  text = sluice::refusal(training_least_, "logical batches", batch(), micro_batch);
  if (const std::int64_t tail = data_.samples % batch(); text.empty() && tail)
    text = sluice::refusal(training_least_, "the epoch's last logical batch", tail, micro_batch);
  if (const std::int64_t rest = (data_.samples - position_) % batch(); text.empty() && rest)
    text = sluice::refusal(training_least_, "the last logical batch of the epoch under way", rest, micro_batch);
  if (text.empty()) text = sluice::refusal(evaluation_least_, "an evaluation", evaluation_data_.samples, micro_batch);
  return text.empty() ? text : "plan: " + text;
}

/// The smallest one with which a step can be made, which all larger ones can; more than the batch where none can.
std::int64_t StepPlanner::least_micro_batch() const {
  std::int64_t least = 1;
  for (std::int64_t above = batch() + 1; least < above;) {
    const std::int64_t tried = least + (above - least) / 2;
    refusal(tried).empty() ? above = tried : least = tried + 1;
  }
  return least;
}

PlanConstraints StepPlanner::constraints(std::int64_t micro_batch, std::size_t budget_bytes) const {
  return {.batch = batch(),
          .micro_batch = std::min(micro_batch, batch()),
          .least = least_micro_batch(),
          .fastest = options_.fastest,
          .budget_bytes = budget_bytes,
          .recompute = options_.recompute,
          .asked_micro_batch = micro_batch,
          .replay_ms = tuning_ ? [this](RunPlan& plan) { return tuning_->replay_ms(replay_key(plan)); }
                               : std::function<std::optional<double>(RunPlan&)>()};
}

RunPlanRequest StepPlanner::request(const PlanChoice& choice, std::size_t budget_bytes, Crossing crossing,
                                    AlgorithmChooser* chooser, std::int64_t batch) const {
  return {.training = forward_only() ? nullptr : &training_,
          .evaluation = &evaluation_,
          .data = &data_,
          .batch = forward_only() ? data_.samples : batch,
          .micro_batch = forward_only() ? choice.micro_batch : MicroBatches(batch, choice.micro_batch).size(0),
          .position = position_,
          .evaluation_samples = evaluation_data_.samples,
          .evaluation_least = evaluation_least_.micro_batch.samples,
          .budget_bytes = budget_bytes,
          .caps = choice.caps,
          .recompute = choice.recompute,
          .smallest = choice.smallest,
          .passes = choice.passes.value_or(options_.passes),
          .crossing = crossing,
          .chooser = chooser,
          .backend = backend_};
}

std::unique_ptr<RunPlan> StepPlanner::plan_with(const PlanChoice& choice, std::size_t budget_bytes, Crossing crossing,
                                                AlgorithmChooser* chooser) const {
  auto result = make_run_plan(request(choice, budget_bytes, crossing, chooser, batch()));
  if (!forward_only()) result->summary.batch = options_.batch;
  result->summary.dropped = dropped_;
  result->summary.recomputes = result->summary.stages > 1 && crossing == Crossing::recompute;
  if (tuning_) result->summary.tuning = tuning_->str();
  return result;
}

std::unique_ptr<RunPlan> StepPlanner::plan(const PlanChoice& choice, std::size_t budget_bytes,
                                           Crossing crossing) const {
  return with_settings([&] { return plan_with(choice, budget_bytes, crossing, tuning_ ? &*tuning_ : nullptr); });
}

std::unique_ptr<RunPlan> StepPlanner::chosen(const PlanConstraints& constraints) const {
  return with_settings([&] { return chosen_here(constraints); });
}

std::unique_ptr<RunPlan> StepPlanner::chosen_here(const PlanConstraints& constraints) const {
  if (const std::string text = refusal(constraints.micro_batch ? constraints.micro_batch : batch()); !text.empty())
    throw UsageError(text);
  const auto choose = [&](Crossing crossing) {
    PlanConstraints own = constraints;
    own.known_peaks = &known_peaks_[crossing];
    auto chosen =
        choose_plan([&](const PlanChoice& choice) { return plan(choice, constraints.budget_bytes, crossing); }, own);
    const PlanChoice choice{.micro_batch = chosen->summary.micro_batch};
    if (options_.passes.search)
      pack_tighter(*chosen, request(choice, constraints.budget_bytes, crossing, nullptr, batch()));
    chosen->summary.asked_micro_batch = constraints.asked_micro_batch;
    return chosen;
  };
  try {
    return choose(options_.crossing.value_or(Crossing::store));
  } catch (const OutOfMemory&) {
    if (forward_only()) throw;
    // Values stored across a barrier grow with the logical batch; recomputing them takes no memory that grows.
    const std::vector<int> stages = earliest_stages(*training_.graph);
    if (options_.crossing || *std::max_element(stages.begin(), stages.end()) < 1) throw;
    return choose(Crossing::recompute);
  }
}

std::unique_ptr<RunPlan> StepPlanner::plan_of_batch(const PlanChoice& choice, std::int64_t batch) const {
  return with_settings(
      [&] { return make_run_plan(request(choice, 0, options_.crossing.value_or(Crossing::store), nullptr, batch)); });
}

std::size_t StepPlanner::whole_batch_bytes() const {
  auto& known = known_peaks_[Crossing::store];
  const auto found = known.find(batch());
  if (found != known.end()) return found->second;
  return known[batch()] = plan({.micro_batch = batch()}, 0)->summary.planned_peak_bytes();
}

std::size_t StepPlanner::smallest_budget() const {
  std::size_t least = std::numeric_limits<std::size_t>::max();
  // Workspaces can make the fewest samples dearer than a few more.
  const std::int64_t first = std::min(least_micro_batch(), batch());
  for (std::int64_t micro_batch = first; micro_batch <= std::min(batch(), first + 1); ++micro_batch)
    for (const Crossing crossing : {Crossing::store, Crossing::recompute}) {
      if (crossing != options_.crossing.value_or(crossing)) continue;
      const auto smallest =
          plan({.micro_batch = micro_batch, .recompute = options_.recompute, .smallest = true}, 0, crossing);
      least = std::min(least, smallest->summary.planned_peak_bytes());
      if (smallest->summary.stages == 1) break;
    }
  return least;
}

double StepPlanner::bytes_per_sample(Recompute recompute) const {
  // Far enough apart for what does not grow with the micro-batch, and for padding, to cancel out.
  const std::int64_t few = 16, many = 32;
  const auto peak = [&](std::int64_t samples) {
    const PlanChoice choice{.micro_batch = samples, .recompute = recompute, .smallest = true};
    const Plan plan = plan_of_batch(choice, samples)->summary;
    return static_cast<double>(plan.staging_bytes + plan.arena_bytes);
  };
  return (peak(many) - peak(few)) / static_cast<double>(many - few);
}

ChoiceRecorder StepPlanner::choices_of(const RunPlan& plan) const {
  ChoiceRecorder recorder;
  const Crossing crossing = plan.summary.recomputes ? Crossing::recompute : options_.crossing.value_or(Crossing::store);
  const PlanChoice choice{.micro_batch = plan.summary.micro_batch, .caps = plan.caps, .recompute = Recompute::none};
  with_settings([&] { return plan_with(choice, 0, crossing, &recorder); });
  return recorder;
}

void StepPlanner::for_each_candidate(const std::function<void(RunPlan& plan)>& visit) const {
  if (!options_.fastest || options_.micro_batch > 0) return;
  PlanConstraints constraints = this->constraints(options_.micro_batch, options_.budget);
  constraints.replay_ms = [&](RunPlan& plan) {
    visit(plan);
    return std::nullopt;
  };
  chosen(constraints);
}

TuningFile& StepPlanner::tuning_file() {
  if (!tuning_) throw UsageError("planner: there is no tuning file; expected TrainerOptions::tuning to name one");
  return *tuning_;
}

}  // namespace sluice
