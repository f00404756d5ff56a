#include <sluice/mbp/train/training_loop.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <sluice/core/error.h>
#include <sluice/mbp/run/field_checks.h>
#include <sluice/mbp/run/scalars.h>

namespace sluice {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

TrainingLoop::TrainingLoop(const Setting& setting) : set_(setting), average_(setting.plan, setting.training) {}

void TrainingLoop::forget_what_was_read() {
  if (feeder_) feeder_->forget();
}

void TrainingLoop::log_loads(LoadLog* log) {
  feeder_.reset();
  log_ = log;
}

/// An epoch that was begun with another data set ends where it is.
void TrainingLoop::begin_run(Scheduler& scheduler, const Dataset& data, std::int64_t most) {
  TrainingState& state = set_.state;
  if (state.position > 0 && state.samples != set_.data.samples) state.position = samples();
  state.samples = set_.data.samples;
  state.seed = set_.options.seed;
  end_epoch_if_done();
  check_position();
  if (!feeder_ || fed_by_ != data.id()) {
    feeder_.reset();
    feeder_.emplace(data,
                    LoaderOptions{.seed = set_.options.seed,
                                  .shuffle = set_.options.shuffle,
                                  .log = log_,
                                  .checks = field_checks(set_.plan.train, set_.data)},
                    scheduler.incoming(set_.data, set_.plan.train));
    fed_by_ = data.id();
  }
  average_.begin(most);
  progress_ = {.epoch = state.epoch,
               .step = state.position / batch(),
               .steps = set_.plan.summary.steps_per_epoch,
               .total_samples = samples(),
               .loss = std::numeric_limits<double>::quiet_NaN()};
}

/// A Trainer plans for the position at which it is made; another one may have gone on since, with another batch.
void TrainingLoop::check_position() const {
  const std::int64_t left = samples() - set_.state.position, last = left % batch() ? left % batch() : batch();
  for (const std::int64_t size : MicroBatches(last, set_.plan.summary.micro_batch).sizes())
    if (!set_.plan.train.replayed.contains(size))
      throw UsageError("trainer: the epoch under way has " + std::to_string(left) +
                       " samples left, which this Trainer was not planned for; expected a new Trainer, as another one "
                       "has trained the model in between");
}

Result TrainingLoop::run(Scheduler& scheduler, const Dataset& data, std::int64_t most, bool read_ahead) {
  start_ = Clock::now();
  begin_run(scheduler, data, most);
  Result result{.epoch = set_.state.epoch, .of = read_ahead ? ResultOf::step : ResultOf::epoch};
  const double waited_before = feeder_->waited_s();
  try {
    for (std::int64_t i = 0; i < most && set_.state.position < samples() && !result.stopped; ++i) {
      const std::int64_t left = samples() - set_.state.position, count = std::min(batch(), left);
      const bool another = read_ahead || (i + 1 < most && count < left);
      result.stopped = !one_step(scheduler, count, another, result);
      if (after_step_ && !result.stopped) after_step_();
    }
    feeder_->settle();
  } catch (...) {
    feeder_.reset();
    throw;
  }
  if (!result.stopped) end_epoch_if_done();
  result.step = set_.state.step;
  scheduler.slab().backend().synchronize();  // the last update may be under way
  set_numbers(scheduler, result);
  result.seconds = seconds_since(start_);
  result.waited_s = feeder_->waited_s() - waited_before;
  return result;
}

/// `another`: the loader goes on to the first micro-batch of the logical batch after it, which may be the next epoch's.
Pass TrainingLoop::pass_of(std::int64_t count, bool another) const {
  const TrainingState& state = set_.state;
  Pass pass{.range = {static_cast<std::uint64_t>(state.epoch), state.position, count},
            .split = {count, set_.plan.summary.micro_batch},
            .seed = set_.options.seed,
            .step = static_cast<std::uint64_t>(state.step)};
  if (!another) return pass;
  const std::int64_t end = state.position + count;
  const bool epoch_ends = end >= samples();
  const std::int64_t first = epoch_ends ? 0 : end;
  const MicroBatches split(std::min(batch(), samples() - first), set_.plan.summary.micro_batch);
  pass.next = Range{pass.range.epoch + (epoch_ends ? 1 : 0), first, split.size(0)};
  return pass;
}

/// False: stopped.
bool TrainingLoop::one_step(Scheduler& scheduler, std::int64_t count, bool another, Result& result) {
  const Pass pass = pass_of(count, another);
  failed_ = 0;
  const auto scalars = set_.optimizer.scalars(set_.state.step);
  check_scalars(set_.training.scalars, scalars, set_.state.step);
  has_gradient_ = false;
  for (const auto& [name, number] : scalars) scheduler.set_scalar(name, number);
  failed_ = count;  // what throws from here on is about this logical batch
  if (!run_step(scheduler, pass)) {
    set_.stop = false;
    failed_ = 0;
    return false;
  }
  if (!accept(scheduler, pass, result)) {
    if (set_.options.on_non_finite != OnNonFinite::skip)
      throw NumericError("train: a value is not finite, the step is not taken; step " +
                         std::to_string(set_.state.step) + ", " +
                         scheduler.find_non_finite(set_.plan.train, pass, *feeder_, checked()) +
                         "; the parameters are unchanged; where training diverges a smaller learning rate helps, where "
                         "a batch is at fault OnNonFinite::skip (TrainerOptions::on_non_finite)");
    ++result.skipped;
  }
  failed_ = 0;
  set_.state.position += count;
  ++progress_.step;
  return true;
}

/// Updates the parameters, unless loss or gradients are not finite.
bool TrainingLoop::accept(Scheduler& scheduler, const Pass& pass, Result& result) {
  const auto number = [&](Var var) { return scheduler.read_scalar(set_.plan.train, var); };
  std::vector<double> numbers{number(set_.training.loss)};
  if (!std::isfinite(numbers[0]) || number(set_.training.finite) != 0) return false;
  has_gradient_ = true;
  for (const auto& [name, var] : set_.training.metrics) numbers.push_back(number(var));
  average_.step_done(pass.range.count, numbers);
  scheduler.write_state(set_.plan.train, pass);
  ++set_.state.step;
  result.samples += pass.range.count;
  progress_.loss = numbers[0];
  return true;
}

/// Everything but the update; false: stopped.
bool TrainingLoop::run_step(Scheduler& scheduler, const Pass& pass) {
  const MicroBatches& split = pass.split;
  const int last_stage = set_.plan.summary.stages - 1;
  const auto after_replay = [&](int stage, std::int64_t replay) {
    if (callback_) {
      progress_.replay = replay + 1;
      progress_.replays = split.replays;
      progress_.samples = set_.state.position + (stage == last_stage ? split.first(replay) + split.size(replay) : 0);
      progress_.seconds = seconds_since(start_);
      callback_(progress_);
    }
    return !set_.stop;
  };
  return scheduler.run(set_.plan.train, pass, *feeder_, {.after_replay = after_replay, .after_replays = [&](int stage) {
                                                           average_.stage_done(scheduler, stage);
                                                         }});
}

void TrainingLoop::skip_batch() {
  if (failed_ == 0)
    throw UsageError("trainer: no logical batch to skip; expected skip_batch() after a step that threw");
  set_.state.position += std::exchange(failed_, 0);
  end_epoch_if_done();
}

void TrainingLoop::end_epoch_if_done() {
  if (set_.state.position < samples()) return;
  set_.state.position = 0;
  ++set_.state.epoch;
}

void TrainingLoop::set_numbers(Scheduler& scheduler, Result& result) const {
  const std::vector<double> numbers = average_.numbers(scheduler);
  result.loss = numbers[0];
  for (std::size_t i = 1; i < numbers.size(); ++i) result.metrics[set_.training.metrics[i - 1].first] = numbers[i];
}

/// What a step must find finite.
std::vector<Var> TrainingLoop::checked() const {
  std::vector<Var> vars{set_.training.loss};
  for (const auto& [data, gradient] : set_.training.gradients) vars.push_back(gradient);
  return vars;
}

}  // namespace sluice
