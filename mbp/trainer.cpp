#include <sluice/mbp/trainer.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include <sluice/core/error.h>
#include <sluice/core/hash.h>
#include <sluice/core/host_memory.h>
#include <sluice/core/transfer.h>
#include <sluice/mbp/bound_parameters.h>
#include <sluice/mbp/epoch_average.h>
#include <sluice/mbp/field_checks.h>
#include <sluice/mbp/measured_memory.h>
#include <sluice/mbp/process_memory.h>
#include <sluice/mbp/run_settings.h>
#include <sluice/mbp/scheduler.h>
#include <sluice/mbp/step_planner.h>
#include <sluice/mbp/trainer_checks.h>

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
  Impl(std::atomic<bool>& stop, Module& model, Optimizer& optimizer, StepFunction step, const DataSpec& data,
       TrainerOptions options)
      : stop_(stop),
        model_(model),
        optimizer_(optimizer),
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

  Result steps(const Dataset& data, std::int64_t most) {
    begin(data_, data, "train");
    const auto start = Clock::now();
    Feeder feeder(data, loader_options(plan_->train), scheduler_->incoming(data_));
    Result result{.epoch = epoch_, .of = most == 1 ? ResultOf::step : ResultOf::epoch};
    average_->begin(most);
    progress_ = {.epoch = epoch_,
                 .step = position_ / batch(),
                 .steps = summary().steps_per_epoch,
                 .total_samples = summary().samples,
                 .loss = std::numeric_limits<double>::quiet_NaN()};
    const std::int64_t samples = summary().samples;
    for (std::int64_t i = 0; i < most && position_ < samples; ++i) {
      const std::int64_t count = std::min(batch(), samples - position_);
      const bool another = i + 1 < most && position_ + count < samples;
      if (!one_step(feeder, count, another, start, result)) {
        result.stopped = true;
        break;
      }
    }
    if (!result.stopped) end_epoch_if_done();
    result.step = step_;
    backend_->synchronize();  // the last update may be under way
    set_numbers(result);
    result.seconds = seconds_since(start);
    result.waited_s = feeder.waited_s();
    return result;
  }

  void skip_batch() {
    if (running_ || failed_ == 0)
      throw UsageError("trainer: no logical batch to skip; expected skip_batch() after a step that threw");
    position_ += std::exchange(failed_, 0);
    end_epoch_if_done();
  }

  Result evaluate(const Dataset& data) {
    begin(evaluation_data_, data, "evaluate");
    const auto start = Clock::now();
    Feeder feeder(data, loader_options(plan_->evaluate), scheduler_->incoming(evaluation_data_));
    const Pass pass{.range = {0, 0, data.spec().samples},
                    .micro_batch = evaluation_micro_batch(),
                    .seed = options_.seed,
                    .step = 0};
    Result result{.epoch = position_ == 0 && epoch_ > 0 ? epoch_ - 1 : epoch_,  // the one that training was in last
                  .step = step_,
                  .samples = data.spec().samples};
    result.stopped = !scheduler_->run(plan_->evaluate, pass, feeder, [&](int, std::int64_t) { return !stop_; });
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
    begin(evaluation_data_, data, "predict");
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
    scheduler_->run(plan_->predict, pass, feeder, [&](int stage, std::int64_t replay) {
      if (stage == last_stage) copy_rows(wanted, split, replay, result);
      return !stop_;
    });
    if (stop_.exchange(false)) throw Error("predict: stopped before every sample was seen");
    return result;
  }

  void on_progress(std::function<void(const Progress&)> callback) { callback_ = std::move(callback); }

  Tensor gradient(const Parameter& parameter) const {
    for (const auto& [data, var] : training().gradients) {
      if (data != parameter.data()) continue;
      if (!has_gradient_) throw UsageError("trainer: there is no gradient; expected a finished step before");
      const int storage = plan_->train.storage_of[static_cast<std::size_t>(var.id())];
      const std::vector<int>& cleared = plan_->train.left_clear;
      if (std::binary_search(cleared.begin(), cleared.end(), storage))
        throw UsageError("trainer: the update cleared the gradient of " + parameter.name() +
                         "; expected TrainerOptions::keep_gradients");
      return scheduler_->slab().read(storage).reshaped(parameter.shape());  // a gradient may be a view
    }
    throw UsageError("trainer: parameter " + parameter.name() + " is not trained here");
  }

  MemoryReport memory_report() const {
    MemoryBefore before{.budget = options_.budget, .resident = resident_before_, .allocated = allocated_before_};
    for (const auto& [data, bytes] : host_bytes_) before.host += bytes;
    return measured_memory(*plan_, before, scheduler_.get(), seen());
  }

  PlanDetails plan_details() const {
    const std::optional<Seen> seen = this->seen();
    return make_plan_details(*plan_, training(), seen ? &*seen : nullptr);
  }

  RecordedParts recorded_parts() const { return scheduler_ ? scheduler_->recorded_parts() : RecordedParts{}; }

  void record_times(std::int64_t steps) {
    if (options_.verify_memory)
      throw UsageError("trainer: times in verify mode would be those of its checks; expected one of the two");
    if (steps < 1) throw UsageError("trainer: steps to time; got " + std::to_string(steps) + "; expected at least 1");
    recorder_.emplace(*plan_, *backend_, steps);
    if (scheduler_) scheduler_->record(&*recorder_);
  }
  KernelTimes kernel_times() const { return recorder_ ? recorder_->times() : KernelTimes{}; }

  std::string weights_hash() const {
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
    if (options_.tune && planner_->tune(*plan_)) plan_ = planner_->chosen();
    average_.emplace(*plan_, training());
    scalar_names_ = scalar_names(*training().graph);
  }

  const StepGraph& training() const { return planner_->training(); }
  const StepGraph& evaluation() const { return planner_->evaluation(); }
  std::int64_t batch() const { return planner_->batch(); }
  /// What a step must find finite.
  std::vector<Var> checked() const {
    std::vector<Var> vars{training().loss};
    for (const auto& [data, gradient] : training().gradients) vars.push_back(gradient);
    return vars;
  }
  std::int64_t evaluation_micro_batch() const { return std::min(summary().micro_batch, evaluation_data_.samples); }
  LoaderOptions loader_options(const Program& program) {
    const bool trains = &program == &plan_->train;
    LoadLog* const log = trains && recorder_ ? recorder_->loads() : nullptr;
    return {.seed = options_.seed,
            .shuffle = trains && options_.shuffle,
            .log = log,
            .checks = field_checks(program, trains ? data_ : evaluation_data_)};
  }

  /// What the run touched so far; empty before it.
  std::optional<Seen> seen() const {
    if (!scheduler_) return std::nullopt;
    if (const Verifier* const verifier = scheduler_->verifier()) return verifier->seen();
    if (!scanned_) scanned_ = seen_in(scheduler_->slab());
    return scanned_;
  }

  /// Before any run: the model and the data must be what was planned for, and the slab must exist.
  void begin(const DataSpec& planned, const Dataset& data, const char* what) {
    check_data(planned, data.spec(), what);
    if (trace(model_, function_, data_).identity() != planner_->identity())
      throw UsageError(
          "trainer: the model was changed after planning (a layer's mode, rate, freezing or parameters); "
          "expected a new Trainer for the changed model");
    host_bytes_[&data] = data.host_bytes();
    scanned_.reset();
    if (!scheduler_) take_memory();
  }

  void take_memory() {
    check_unbound(*plan_);
    allocated_before_ = backend_->allocated_bytes();
    backend_->reset_peak();
    scheduler_ = host_memory_for("the slab and its kernels", summary().planned_peak_bytes(), [&] {
      return std::make_unique<Scheduler>(*plan_, *backend_, options_.verify_memory, options_.poison, options_.record);
    });
    if (recorder_) scheduler_->record(&*recorder_);
    parameters_.emplace(*plan_, *scheduler_, [this] { scanned_.reset(); });
  }

  /// False: stopped.
  bool one_step(Feeder& feeder, std::int64_t count, bool another, Clock::time_point start, Result& result) {
    Pass pass{.range = {static_cast<std::uint64_t>(epoch_), position_, count},
              .micro_batch = summary().micro_batch,
              .seed = options_.seed,
              .step = static_cast<std::uint64_t>(step_)};
    if (another) {
      const std::int64_t next = position_ + count;
      const MicroBatches split(std::min(batch(), summary().samples - next), summary().micro_batch);
      pass.next = Range{pass.range.epoch, next, split.size(0)};
    }
    failed_ = 0;
    const Scalars scalars = optimizer_.scalars(step_);
    check_scalars(scalar_names_, scalars, step_);
    has_gradient_ = false;
    for (const auto& [name, number] : scalars) scheduler_->set_scalar(name, number);
    failed_ = count;  // what throws from here on is about this logical batch
    if (!run_step(pass, feeder, start)) {
      stop_ = false;
      failed_ = 0;
      return false;
    }
    std::vector<double> numbers{scheduler_->read_scalar(plan_->train, training().loss)};
    if (std::isfinite(numbers[0]) && scheduler_->read_scalar(plan_->train, training().finite) == 0) {
      has_gradient_ = true;
      for (const auto& [name, var] : training().metrics) numbers.push_back(scheduler_->read_scalar(plan_->train, var));
      average_->step_done(count, numbers);
      scheduler_->write_state(plan_->train, pass);
      ++step_;
      result.samples += count;
      progress_.loss = numbers[0];
    } else if (options_.on_non_finite == OnNonFinite::skip) {
      ++result.skipped;
    } else {
      throw NumericError("train: a value is not finite, the step is not taken; step " + std::to_string(step_) + ", " +
                         scheduler_->find_non_finite(plan_->train, pass, feeder, checked()));
    }
    failed_ = 0;
    position_ += count;
    ++progress_.step;
    return true;
  }

  /// Everything but the update; false: stopped.
  bool run_step(const Pass& pass, Feeder& feeder, Clock::time_point start) {
    const MicroBatches split(pass.range.count, pass.micro_batch);
    const int last_stage = summary().stages - 1;
    return scheduler_->run(plan_->train, pass, feeder, [&](int stage, std::int64_t replay) {
      if (replay + 1 == split.replays) average_->stage_done(*scheduler_, stage);
      if (callback_) {
        progress_.replay = replay + 1;
        progress_.replays = split.replays;
        progress_.samples = position_ + (stage == last_stage ? split.first(replay) + split.size(replay) : 0);
        progress_.seconds = seconds_since(start);
        callback_(progress_);
        scanned_.reset();  // it may have asked for a report; the slab is written further
      }
      return !stop_;
    });
  }

  void end_epoch_if_done() {
    if (position_ < summary().samples) return;
    position_ = 0;
    ++epoch_;
  }

  void set_numbers(Result& result) const {
    const std::vector<double> numbers = average_->numbers(*scheduler_);
    result.loss = numbers[0];
    for (std::size_t i = 1; i < numbers.size(); ++i) result.metrics[training().metrics[i - 1].first] = numbers[i];
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
  Module& model_;
  const Optimizer& optimizer_;
  StepFunction function_;
  DataSpec data_;
  TrainerOptions options_;
  DataSpec evaluation_data_;
  std::size_t resident_before_;
  Backend* backend_ = nullptr;
  std::optional<StepPlanner> planner_;
  std::unique_ptr<RunPlan> plan_;
  std::optional<EpochAverage> average_;
  std::set<std::string> scalar_names_;  // what the optimizer sets for every step
  std::optional<TimesRecorder> recorder_;
  std::unique_ptr<Scheduler> scheduler_;       // from the first run on
  std::optional<BoundParameters> parameters_;  // while there is a scheduler, and gone before it
  mutable std::optional<Seen> scanned_;        // of the slab as it is; a scan reads all of it

  std::int64_t epoch_ = 0, position_ = 0, step_ = 0;
  bool has_gradient_ = false;  // of the last step, which was finished
  std::int64_t failed_ = 0;    // samples of the logical batch at which the last step threw; 0: none
  std::size_t allocated_before_ = 0;
  std::map<const Dataset*, std::size_t> host_bytes_;
  std::function<void(const Progress&)> callback_;
  Progress progress_;
};

Trainer::Trainer(Module& model, Optimizer& optimizer, StepFunction step, const DataSpec& data, TrainerOptions options)
    : impl_(host_memory_for("planning", 0, [&] {
        return std::make_unique<Impl>(stop_, model, optimizer, std::move(step), data, std::move(options));
      })) {}
Trainer::~Trainer() = default;

const Plan& Trainer::plan() const { return impl_->summary(); }
const TrainerOptions& Trainer::options() const { return impl_->options(); }
std::size_t Trainer::whole_batch_planned_bytes() const { return impl_->whole_batch_planned_bytes(); }
Result Trainer::step(const Dataset& data) {
  return impl_->with_settings([&] { return impl_->steps(data, 1); });
}
Result Trainer::run_epoch(const Dataset& data) {
  return impl_->with_settings([&] { return impl_->steps(data, std::numeric_limits<std::int64_t>::max()); });
}
Result Trainer::evaluate(const Dataset& data) {
  return impl_->with_settings([&] { return impl_->evaluate(data); });
}
Tensor Trainer::predict(const Dataset& data, const std::string& output) {
  return impl_->with_settings([&] { return impl_->predict(data, output); });
}
void Trainer::skip_batch() { impl_->skip_batch(); }
void Trainer::on_progress(std::function<void(const Progress&)> callback) { impl_->on_progress(std::move(callback)); }
Tensor Trainer::gradient(const Parameter& parameter) const { return impl_->gradient(parameter); }
MemoryReport Trainer::memory_report() const { return impl_->memory_report(); }
PlanDetails Trainer::plan_details() const { return impl_->plan_details(); }
RecordedParts Trainer::recorded_parts() const { return impl_->recorded_parts(); }
void Trainer::record_times(std::int64_t steps) { impl_->record_times(steps); }
KernelTimes Trainer::kernel_times() const { return impl_->kernel_times(); }
std::string Trainer::weights_hash() const { return impl_->weights_hash(); }

}  // namespace sluice
