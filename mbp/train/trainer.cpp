#include <sluice/mbp/train/trainer.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include <sluice/core/error.h>
#include <sluice/core/hash.h>
#include <sluice/core/host_memory.h>
#include <sluice/core/parameter_values.h>
#include <sluice/core/transfer.h>
#include <sluice/mbp/plan/micro_batches.h>
#include <sluice/mbp/plan/run_settings.h>
#include <sluice/mbp/plan/step_planner.h>
#include <sluice/mbp/run/bound_parameters.h>
#include <sluice/mbp/run/field_checks.h>
#include <sluice/mbp/run/scheduler.h>
#include <sluice/mbp/run/tune.h>
#include <sluice/mbp/train/checks.h>
#include <sluice/mbp/train/measured_memory.h>
#include <sluice/mbp/train/process_memory.h>
#include <sluice/mbp/train/training_loop.h>

namespace sluice {
namespace {

using Clock = std::chrono::steady_clock;

/// Says at its end that no run is under way.
class RunEnd {
 public:
  explicit RunEnd(std::atomic<bool>& running) : running_(running) {}
  ~RunEnd() { running_ = false; }
  RunEnd(const RunEnd&) = delete;
  RunEnd& operator=(const RunEnd&) = delete;

 private:
  std::atomic<bool>& running_;
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

class Trainer::Impl {
 public:
  Impl(std::atomic<bool>& stop, ModuleBase& model, Optimizer& optimizer, StepFunction step, const DataSpec& data,
       TrainerOptions options)
      : stop_(stop),
        model_(model),
        optimizer_(optimizer),
        model_lifetime_(model.lifetime()),
        optimizer_lifetime_(optimizer.lifetime()),
        function_(std::move(step)),
        data_(data),
        options_(std::move(options)),
        evaluation_data_(options_.evaluation.value_or(data)),
        resident_before_(resident_bytes()) {
    check_options(data_, options_);
    check_fields(data_, evaluation_data_, "trainer: evaluation");
    backend_ = &options_.device.backend();
    with_run_settings(*backend_, options_.threads, options_.precision, [&] {
      options_.threads = backend_->threads();  // what is granted here is what every run of the plan gets
      make_plan();
    });
  }

  const Plan& summary() const { return plan_->summary; }
  const TrainerOptions& options() const { return options_; }
  template <class Work>
  std::invoke_result_t<Work&> with_settings(Work&& work) {
    if (running_.exchange(true))
      throw UsageError("trainer: it is running; expected no other call from its callback or on another thread");
    const RunEnd end(running_);
    return with_run_settings(*backend_, options_.threads, options_.precision, std::forward<Work>(work));
  }
  std::size_t whole_batch_planned_bytes() const { return planner_->whole_batch_bytes(); }

  Result step(const Dataset& data) {
    begin(data_, data, "train", Look::where_something_changed);
    return loop_->run(*scheduler_, data, 1, /*read_ahead=*/true);
  }

  Result run_epoch(const Dataset& data) {
    begin(data_, data, "train", Look::always);
    return loop_->run(*scheduler_, data, std::numeric_limits<std::int64_t>::max(), /*read_ahead=*/false);
  }

  void skip_batch() {
    if (running_) throw UsageError("trainer: it is running; expected skip_batch() after a step that threw");
    loop_->skip_batch();
  }

  Result evaluate(const Dataset& data) {
    begin_evaluation(data, "evaluate");
    const auto start = Clock::now();
    Feeder feeder(data, loader_options(plan_->evaluate), scheduler_->incoming(evaluation_data_));
    const Pass pass{.range = {0, 0, data.spec().samples},
                    .micro_batch = evaluation_micro_batch(),
                    .seed = options_.seed,
                    .step = 0};
    const bool between_epochs = state_->position == 0 && state_->epoch > 0;
    Result result{.epoch = between_epochs ? state_->epoch - 1 : state_->epoch,  // the one that training was in last
                  .step = state_->step,
                  .samples = data.spec().samples};
    result.stopped =
        !scheduler_->run(plan_->evaluate, pass, feeder, {.after_replay = [&](int, std::int64_t) { return !stop_; }});
    if (result.stopped) {
      stop_ = false;
      result.loss = std::numeric_limits<double>::quiet_NaN();
      return result;
    }
    result.loss = scheduler_->read_scalar(plan_->evaluate, evaluation().loss);
    if (!std::isfinite(result.loss))
      throw NumericError("evaluate: the loss is not finite; " +
                         scheduler_->find_non_finite(plan_->evaluate, pass, feeder, std::vector{evaluation().loss}));
    for (const auto& [name, var] : evaluation().metrics)
      result.metrics[name] = scheduler_->read_scalar(plan_->evaluate, var);
    result.seconds = seconds_since(start);
    return result;
  }

  Tensor predict(const Dataset& data, const std::string& output) {
    begin_evaluation(data, "predict");
    Var wanted;
    std::string known;
    for (const auto& [name, var] : evaluation().predictions) {
      if (name == output) wanted = var;
      known += (known.empty() ? "" : ", ") + name;
    }
    if (!wanted)
      throw UsageError("predict: no sample output '" + output +
                       "'; expected one of: " + (known.empty() ? "(none; use Batch::output)" : known));
    Feeder feeder(data, loader_options(plan_->predict), scheduler_->incoming(evaluation_data_));
    const std::int64_t samples = data.spec().samples;
    const Pass pass{
        .range = {0, 0, samples}, .micro_batch = evaluation_micro_batch(), .seed = options_.seed, .step = 0};
    const Shape shape = wanted.shape().with_leading(samples);
    Tensor result = host_memory_for("the predictions '" + output + "'", bytes_of(wanted.dtype(), shape.elements()),
                                    [&] { return Tensor(shape, wanted.dtype()); });
    const MicroBatches split(samples, pass.micro_batch);
    const int last_stage = static_cast<int>(plan_->predict.cut.stages.size()) - 1;
    scheduler_->run(plan_->predict, pass, feeder, {.after_replay = [&](int stage, std::int64_t replay) {
                      if (stage == last_stage) copy_rows(wanted, split, replay, result);
                      return !stop_;
                    }});
    if (stop_.exchange(false)) throw Error("predict: stopped before every sample was seen");
    return result;
  }

  void on_progress(std::function<void(const Progress&)> callback) {
    if (!callback) return loop_->on_progress(nullptr);
    loop_->on_progress([this, callback = std::move(callback)](const Progress& progress) {
      callback(progress);
      scanned_.reset();  // it may have asked for a report; the slab is written further
    });
  }

  bool trains(const Parameter& parameter) const {
    return std::ranges::any_of(training().gradients,
                               [&](const auto& trained) { return trained.first == parameter.data(); });
  }

  Tensor gradient(const Parameter& parameter) const {
    if (!parameter) throw UsageError("trainer: gradient of an empty Parameter; expected one of the model");
    for (const auto& [data, var] : training().gradients) {
      if (data != parameter.data()) continue;
      if (!loop_->has_gradient()) throw UsageError("trainer: there is no gradient; expected a finished step before");
      const int storage = plan_->train.storage_of[static_cast<std::size_t>(var.id())];
      const std::vector<int>& cleared = plan_->train.left_clear;
      if (std::binary_search(cleared.begin(), cleared.end(), storage))
        throw UsageError("trainer: the update cleared the gradient of " + parameter.name() +
                         "; expected TrainerOptions::keep_gradients");
      return scheduler_->slab().read(storage).reshaped(parameter.shape());  // a gradient may be a view
    }
    throw UsageError("trainer: parameter " + description(*parameter.data()) + " has no gradient here; got " +
                     (parameter.trainable() ? "one that the step does not read" : "one that is frozen or a buffer") +
                     "; expected one for which trains() is true");
  }

  const TrainingState& training_state() const { return *state_; }

  MemoryReport memory_report() const {
    MemoryBefore before{.budget = options_.budget, .resident = resident_before_, .allocated = allocated_before_};
    for (const auto& [data, bytes] : host_bytes_) before.host += bytes;
    return measured_memory(*plan_, before, scheduler_.get(), touched());
  }

  PlanDetails plan_details() const {
    const std::optional<TouchedMemory> touched = this->touched();
    return make_plan_details(*plan_, training(), touched ? &*touched : nullptr);
  }

  RecordedParts recorded_parts() const { return scheduler_ ? scheduler_->recorded_parts() : RecordedParts{}; }

  void record_times(std::int64_t steps) {
    if (options_.verify_memory)
      throw UsageError("trainer: times in verify mode would be those of its checks; expected one of the two");
    if (steps < 1) throw UsageError("trainer: steps to time; got " + std::to_string(steps) + "; expected at least 1");
    loop_->log_loads(nullptr);
    recorder_.emplace(*plan_, *backend_, steps);
    loop_->log_loads(recorder_->loads());
    if (scheduler_) scheduler_->record(&*recorder_);
  }
  KernelTimes kernel_times() const { return recorder_ ? recorder_->times() : KernelTimes{}; }

  std::string weights_hash() const {
    check_references();
    Hash hash;
    for (const Parameter& parameter : all_parameters(model_)) {
      const Tensor value = parameter.read();
      hash.add(parameter.name()).add(std::span(static_cast<const std::byte*>(value.data()), value.bytes()));
    }
    return hash.str();
  }

 private:
  void make_plan() {
    options_.budget = budget_on(*backend_, options_.budget);
    initialize(model_, options_.seed, /*only_new=*/true);
    planner_.emplace(model_, optimizer_, function_, data_, options_);
    plan_ = planner_->chosen();
    if (options_.tune && tune(*planner_, *plan_)) plan_ = planner_->chosen();
    state_ = optimizer_.training_state(all_parameters(model_));
    loop_.emplace(TrainingLoop::Setting{.plan = *plan_,
                                        .training = training(),
                                        .optimizer = optimizer_,
                                        .state = *state_,
                                        .options = options_,
                                        .data = data_,
                                        .stop = stop_});
  }

  const StepGraph& training() const { return planner_->training(); }
  const StepGraph& evaluation() const { return planner_->evaluation(); }
  std::int64_t evaluation_micro_batch() const { return std::min(summary().micro_batch, evaluation_data_.samples); }
  LoaderOptions loader_options(const Program& program) const {
    return {.seed = options_.seed, .shuffle = false, .checks = field_checks(program, evaluation_data_)};
  }

  /// What the run touched so far; empty before it.
  std::optional<TouchedMemory> touched() const {
    if (!scheduler_) return std::nullopt;
    if (const Verifier* const verifier = scheduler_->verifier()) return verifier->touched();
    if (!scanned_) scanned_ = touched_in(scheduler_->slab());
    return scanned_;
  }

  enum class Look : std::uint8_t { always, where_something_changed };

  /// Before any run: the model and the data must be what was planned for, and the slab must exist.
  void begin(const DataSpec& planned, const Dataset& data, const char* what, Look look) {
    check_references();
    check_data(planned, data.spec(), what);
    if (look == Look::always || looked_at_ != model_changes()) look_at_model(what);
    host_bytes_[&data] = data.host_bytes();
    scanned_.reset();
    if (!scheduler_) take_memory();
  }

  /// The model must be what was planned for, and every parameter must have a value.
  void look_at_model(const char* what) {
    const std::uint64_t changes = model_changes();
    if (trace(model_, function_, data_).identity() != planner_->identity())
      throw UsageError(
          "trainer: the model was changed after planning (a layer's mode, rate, freezing or parameters); "
          "expected a new Trainer for the changed model");
    check_values(*training().graph, what);
    check_values(*evaluation().graph, what);
    looked_at_ = changes;
  }

  void begin_evaluation(const Dataset& data, const char* what) {
    begin(evaluation_data_, data, what, Look::always);
    loop_->forget_what_was_read();
    check_no_scalars(what);
  }

  /// Scalars are set for training steps only.
  void check_no_scalars(const std::string& what) const {
    if (evaluation().scalars.empty()) return;
    throw UsageError(what + ": nobody sets the scalar '" + *evaluation().scalars.begin() +
                     "', which the step reads in evaluation mode too; expected a step that reads it only in training");
  }

  void check_references() const {
    check_alive(model_lifetime_, "model");
    check_alive(optimizer_lifetime_, "optimizer");
  }

  void take_memory() {
    check_unbound(*plan_);
    allocated_before_ = backend_->allocated_bytes();
    backend_->reset_peak();
    scheduler_ = host_memory_for("the slab and its kernels", summary().planned_peak_bytes(), [&] {
      return std::make_unique<Scheduler>(*plan_, *backend_, options_.verify_memory, options_.poison, options_.record);
    });
    if (recorder_) scheduler_->record(&*recorder_);
    parameters_.emplace(*plan_, *scheduler_, *state_, [this] { scanned_.reset(); });
  }

  void copy_rows(Var wanted, const MicroBatches& split, std::int64_t replay, Tensor& result) const {
    const auto [address, value] = scheduler_->sample_value(plan_->predict, wanted, split.size(replay));
    const Tensor rows = read_logical(*backend_, address, value->dims, value->dtype, value->layout).to(result.dtype());
    const std::size_t row_bytes = rows.bytes() / static_cast<std::size_t>(split.size(replay));
    std::copy_n(static_cast<const std::byte*>(rows.data()), rows.bytes(),
                static_cast<std::byte*>(result.data()) + row_bytes * static_cast<std::size_t>(split.first(replay)));
  }

  std::atomic<bool>& stop_;
  std::atomic<bool> running_ = false;
  ModuleBase& model_;
  Optimizer& optimizer_;
  std::weak_ptr<const void> model_lifetime_, optimizer_lifetime_;
  StepFunction function_;
  DataSpec data_;
  TrainerOptions options_;
  DataSpec evaluation_data_;
  std::size_t resident_before_;
  Backend* backend_ = nullptr;
  std::optional<StepPlanner> planner_;
  std::unique_ptr<RunPlan> plan_;
  std::shared_ptr<TrainingState> state_;
  /// model_changes() when the model was compared with the plan last.
  std::optional<std::uint64_t> looked_at_;
  std::optional<TimesRecorder> recorder_;
  std::unique_ptr<Scheduler> scheduler_;          // from the first run on
  std::optional<TrainingLoop> loop_;              // reads ahead into the scheduler's staging: gone before it
  std::optional<BoundParameters> parameters_;     // while there is a scheduler, and gone before it
  mutable std::optional<TouchedMemory> scanned_;  // of the slab as it is; a scan reads all of it

  std::size_t allocated_before_ = 0;
  std::map<const Dataset*, std::size_t> host_bytes_;
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
