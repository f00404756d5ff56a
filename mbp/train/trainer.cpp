#include <sluice/mbp/train/trainer.h>

#include <algorithm>
#include <limits>

#include <sluice/core/error.h>
#include <sluice/core/hash.h>
#include <sluice/core/host_memory.h>
#include <sluice/core/parameter_values.h>
#include <sluice/mbp/train/checkpoint.h>
#include <sluice/mbp/train/evaluation_loop.h>
#include <sluice/mbp/train/planned_run.h>
#include <sluice/mbp/train/training_loop.h>

namespace sluice {

class Trainer::Impl {
 public:
  using Look = PlannedRun::Look;

  Impl(std::atomic<bool>& stop, ModuleBase& model, Optimizer& optimizer, StepFunction step, const DataSpec& data,
       TrainerOptions options)
      : model_(model),
        optimizer_(optimizer),
        function_(std::move(step)),
        data_(data),
        run_(
            {"trainer", "Trainer"}, {{"model", model.lifetime()}, {"optimizer", optimizer.lifetime()}},
            checked(data, std::move(options)), [this](const TrainerOptions& options) { return planner(options); },
            [this] { return trace(model_, function_, data_).identity(); }),
        state_(optimizer.training_state(all_parameters(model))),
        loop_({.plan = run_.plan(),
               .training = training(),
               .optimizer = optimizer,
               .state = *state_,
               .options = run_.options(),
               .data = data_,
               .stop = stop}),
        evaluation_(run_, stop) {
    run_.set_state(state_);
    state_->seed = run_.options().seed;
  }

  const Plan& summary() const { return run_.plan().summary; }
  const TrainerOptions& options() const { return run_.options(); }
  template <class Work>
  std::invoke_result_t<Work&> with_settings(Work&& work) {
    return run_.with_settings(std::forward<Work>(work));
  }
  std::size_t whole_batch_planned_bytes() const { return run_.planner().whole_batch_bytes(); }

  Result step(const Dataset& data) {
    begin(data, Look::where_something_changed);
    return loop_.run(*run_.scheduler(), data, 1, /*read_ahead=*/true);
  }

  Result run_epoch(const Dataset& data) {
    begin(data, Look::always);
    return loop_.run(*run_.scheduler(), data, std::numeric_limits<std::int64_t>::max(), /*read_ahead=*/false);
  }

  void skip_batch() {
    if (run_.running()) throw UsageError("trainer: it is running; expected skip_batch() after a step that threw");
    loop_.skip_batch();
  }

  Result evaluate(const Dataset& data) {
    begin_evaluation(data);
    Result result = evaluation_.evaluate(data, Look::always);
    const bool between_epochs = state_->position == 0 && state_->epoch > 0;
    result.epoch = between_epochs ? state_->epoch - 1 : state_->epoch;  // the one that training was in last
    result.step = state_->step;
    return result;
  }

  Tensor predict(const Dataset& data, const std::string& output) {
    begin_evaluation(data);
    return evaluation_.predict(data, output, Look::always);
  }

  void on_progress(std::function<void(const Progress&)> callback) {
    if (!callback) return loop_.on_progress(nullptr);
    loop_.on_progress([this, callback = std::move(callback)](const Progress& progress) {
      callback(progress);
      run_.forget_scan();  // it may have asked for a report; the slab is written further
    });
  }

  void on_step(std::function<void()> callback) {
    if (!callback) return loop_.on_step(nullptr);
    loop_.on_step([this, callback = std::move(callback)] {
      between_steps_ = true;
      try {
        callback();
      } catch (...) {
        between_steps_ = false;
        throw;
      }
      between_steps_ = false;
      run_.forget_scan();
    });
  }

  void save(const std::string& path, const CheckpointNotes& notes) const {
    run_.check_references();
    if (run_.running() && !between_steps_)
      throw UsageError("trainer: save() within a step; expected it between steps (Trainer::on_step)");
    write_checkpoint(path, model_, optimizer_, *state_, settings(), notes);
  }

  std::vector<std::string> restore(const std::string& path) {
    run_.check_references();
    if (run_.running()) throw UsageError("trainer: restore() within a run; expected it between two calls");
    const Checkpoint checkpoint(path);
    if (checkpoint.seed() != options().seed)
      throw DataError("the checkpoint '" + path + "' has the seed " + std::to_string(checkpoint.seed()) + "; got " +
                      std::to_string(options().seed) + "; expected the same (TrainerOptions::seed)");
    loop_.forget_what_was_read();
    checkpoint.restore(model_, optimizer_);
    return checkpoint.differences(settings());
  }

  bool trains(const Parameter& parameter) const {
    return std::ranges::any_of(training().gradients,
                               [&](const auto& trained) { return trained.first == parameter.data(); });
  }

  Tensor gradient(const Parameter& parameter) const {
    if (!parameter) throw UsageError("trainer: gradient of an empty Parameter; expected one of the model");
    for (const auto& [data, var] : training().gradients) {
      if (data != parameter.data()) continue;
      if (!loop_.has_gradient()) throw UsageError("trainer: there is no gradient; expected a finished step before");
      const int storage = run_.plan().train.storage_of[static_cast<std::size_t>(var.id())];
      const std::vector<int>& cleared = run_.plan().train.cleared_by_writers;
      if (std::binary_search(cleared.begin(), cleared.end(), storage))
        throw UsageError("trainer: the update cleared the gradient of " + parameter.name() +
                         "; expected TrainerOptions::keep_gradients");
      return run_.scheduler()->slab().read(storage).reshaped(parameter.shape());  // a gradient may be a view
    }
    throw UsageError("trainer: parameter " + description(*parameter.data()) + " has no gradient here; got " +
                     (parameter.trainable() ? "one that the step does not read" : "one that is frozen or a buffer") +
                     "; expected one for which trains() is true");
  }

  const TrainingState& training_state() const { return *state_; }

  MemoryReport memory_report() const { return run_.memory_report(); }
  PlanDetails plan_details() const { return run_.plan_details(); }

  RecordedParts recorded_parts() const {
    return run_.scheduler() ? run_.scheduler()->recorded_parts() : RecordedParts{};
  }

  void record_times(std::int64_t steps) {
    if (options().verify_memory)
      throw UsageError("trainer: times in verify mode would be those of its checks; expected one of the two");
    if (steps < 1) throw UsageError("trainer: steps to time; got " + std::to_string(steps) + "; expected at least 1");
    loop_.log_loads(nullptr);
    recorder_.emplace(run_.plan(), run_.backend(), steps);
    loop_.log_loads(recorder_->loads());
    if (run_.scheduler()) run_.scheduler()->record(&*recorder_);
  }
  KernelTimes kernel_times() const { return recorder_ ? recorder_->times() : KernelTimes{}; }

  std::string weights_hash() const {
    run_.check_references();
    Hash hash;
    for (const Parameter& parameter : all_parameters(model_)) {
      const Tensor value = parameter.read();
      hash.add(parameter.name()).add(std::span(static_cast<const std::byte*>(value.data()), value.bytes()));
    }
    return hash.str();
  }

 private:
  static TrainerOptions checked(const DataSpec& data, TrainerOptions options) {
    check_options(data, options);
    if (options.evaluation) check_fields(data, *options.evaluation, "trainer: evaluation");
    return options;
  }

  std::unique_ptr<StepPlanner> planner(const TrainerOptions& options) {
    initialize(model_, options.seed, /*only_new=*/true);
    const std::shared_ptr<const TrainingState> state = optimizer_.training_state(all_parameters(model_));
    const std::int64_t position = state->samples == data_.samples ? state->position : 0;
    return std::make_unique<StepPlanner>(model_, optimizer_, function_, data_, options, position);
  }

  const StepGraph& training() const { return run_.planner().training(); }

  RunSettings settings() const {
    const Plan& plan = summary();
    return {{"batch", std::to_string(plan.batch)},
            {"micro-batch", std::to_string(plan.micro_batch)},
            {"samples", std::to_string(plan.samples)},
            {"threads", std::to_string(options().threads)},
            {"device", plan.device},
            {"precision", plan.precision},
            {"optimizer", optimizer_.str()},
            {"tuning", plan.tuning.empty() ? "none" : plan.tuning},
            {"plan", plan.hash}};
  }

  void begin(const Dataset& data, Look look) {
    check_data(data_, data.spec(), "train");
    run_.begin("train", look);
    run_.count_host_bytes(data);
    if (recorder_) run_.scheduler()->record(&*recorder_);
  }

  /// The staging, into which the loader has read ahead, is about to be written.
  void begin_evaluation(const Dataset& data) {
    loop_.forget_what_was_read();
    run_.count_host_bytes(data);
  }

  ModuleBase& model_;
  Optimizer& optimizer_;
  StepFunction function_;
  DataSpec data_;
  std::optional<TimesRecorder> recorder_;
  PlannedRun run_;
  std::shared_ptr<TrainingState> state_;
  bool between_steps_ = false;  // in the callback of on_step()
  TrainingLoop loop_;           // reads ahead into the memory of the run: gone before it
  EvaluationLoop evaluation_;
};

Trainer::Trainer(ModuleBase& model, Optimizer& optimizer, StepFunction step, const DataSpec& data,
                 TrainerOptions options)
    : impl_(host_memory_for("planning", 0, [&] {
        return std::make_unique<Impl>(stop_, model, optimizer, std::move(step), data, std::move(options));
      })) {}
Trainer::~Trainer() = default;

const Plan& Trainer::plan() const { return impl_->summary(); }
const TrainerOptions& Trainer::options() const { return impl_->options(); }
std::size_t Trainer::whole_batch_planned_bytes() const { return impl_->whole_batch_planned_bytes(); }
Result Trainer::step(const Dataset& data) {
  return impl_->with_settings([&] { return impl_->step(data); });
}
Result Trainer::run_epoch(const Dataset& data) {
  return impl_->with_settings([&] { return impl_->run_epoch(data); });
}
Result Trainer::evaluate(const Dataset& data) {
  return impl_->with_settings([&] { return impl_->evaluate(data); });
}
Tensor Trainer::predict(const Dataset& data, const std::string& output) {
  return impl_->with_settings([&] { return impl_->predict(data, output); });
}
void Trainer::skip_batch() { impl_->skip_batch(); }
void Trainer::on_progress(std::function<void(const Progress&)> callback) { impl_->on_progress(std::move(callback)); }
void Trainer::on_step(std::function<void()> callback) { impl_->on_step(std::move(callback)); }
void Trainer::save(const std::string& path, const CheckpointNotes& notes) const { impl_->save(path, notes); }
std::vector<std::string> Trainer::restore(const std::string& path) { return impl_->restore(path); }
bool Trainer::trains(const Parameter& parameter) const { return impl_->trains(parameter); }
Tensor Trainer::gradient(const Parameter& parameter) const { return impl_->gradient(parameter); }
const TrainingState& Trainer::training_state() const { return impl_->training_state(); }
MemoryReport Trainer::memory_report() const { return impl_->memory_report(); }
PlanDetails Trainer::plan_details() const { return impl_->plan_details(); }
RecordedParts Trainer::recorded_parts() const { return impl_->recorded_parts(); }
void Trainer::record_times(std::int64_t steps) { impl_->record_times(steps); }
KernelTimes Trainer::kernel_times() const { return impl_->kernel_times(); }
std::string Trainer::weights_hash() const { return impl_->weights_hash(); }

}  // namespace sluice
