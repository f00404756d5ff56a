#include <sluice/mbp/train/predictor.h>

#include <algorithm>
#include <utility>

#include <sluice/core/error.h>
#include <sluice/core/host_memory.h>
#include <sluice/mbp/train/evaluation_loop.h>
#include <sluice/mbp/train/planned_run.h>

namespace sluice {
namespace {

constexpr std::int64_t default_micro_batch = 64;

/// The number of samples that evaluations are expected to have, where nobody says it.
DataSpec with_samples(DataSpec data, const PredictorOptions& options) {
  if (data.samples < 1) data.samples = options.micro_batch ? options.micro_batch : default_micro_batch;
  return data;
}

/// The most samples that a micro-batch may have.
std::int64_t most_samples(const DataSpec& data, const PredictorOptions& options) {
  if (options.micro_batch) return options.micro_batch;
  return options.budget ? data.samples : std::min(data.samples, default_micro_batch);
}

/// Converts the options for the planner. An evaluation saves nothing for a backward pass, so it recomputes nothing.
TrainerOptions planner_options(const DataSpec& data, const PredictorOptions& options) {
  if (options.micro_batch < 0)
    throw UsageError("predictor: micro_batch is " + std::to_string(options.micro_batch) +
                     "; expected at least 1, or 0 for one that the planner chooses");
  if (options.threads < 0)
    throw UsageError("predictor: threads is " + std::to_string(options.threads) +
                     "; expected at least 1, or 0 for all cores");
  return {.batch = most_samples(data, options),
          .micro_batch = options.micro_batch,
          .budget = options.budget,
          .device = options.device,
          .threads = options.threads,
          .precision = options.precision,
          .verify_memory = options.verify_memory,
          .poison = options.poison,
          .tuning = options.tuning,
          .tune = options.tune,
          .record = options.record,
          .recompute = Recompute::none,
          .passes = options.passes};
}

void check_function(const StepGraph& forward) {
  if (!forward.loss && forward.metrics.empty() && forward.predictions.empty())
    throw UsageError(
        "predictor: the function names no output and returns no loss; expected Batch::output() of what is "
        "wanted");
}

}  // namespace

class Predictor::Impl {
 public:
  using Look = PlannedRun::Look;

  Impl(std::atomic<bool>& stop, ModuleBase& model, ForwardFunction function, const DataSpec& data,
       PredictorOptions options)
      : model_(model),
        function_(std::move(function)),
        data_(with_samples(data, options)),
        options_(std::move(options)),
        run_(
            {"predictor", "Predictor"}, {{"model", model.lifetime()}}, planner_options(data_, options_),
            [this](const TrainerOptions& options) { return planner(options); },
            [this] { return trace_evaluation(model_, function_.step(), data_, "Predictor").identity(); }),
        evaluation_(run_, stop) {
    options_.threads = run_.options().threads;
    options_.budget = run_.options().budget;
    options_.micro_batch = run_.plan().summary.micro_batch;
  }

  const PredictorOptions& options() const { return options_; }
  PlannedRun& run() { return run_; }
  const PlannedRun& run() const { return run_; }

  Result evaluate(const Dataset& data) {
    run_.count_host_bytes(data);
    return run_.with_settings([&] { return evaluation_.evaluate(data, Look::always); });
  }
  Tensor predict(const Dataset& data, const std::string& output) {
    run_.count_host_bytes(data);
    return run_.with_settings([&] { return evaluation_.predict(data, output, Look::always); });
  }
  Tensor predict(const Tensor& rows, const std::string& output) {
    return run_.with_settings([&] { return evaluation_.predict(rows, output, Look::where_something_changed); });
  }

 private:
  std::unique_ptr<StepPlanner> planner(const TrainerOptions& options) {
    auto planner = std::make_unique<StepPlanner>(model_, function_.step(), data_, options);
    check_function(planner->evaluation());
    return planner;
  }

  ModuleBase& model_;
  ForwardFunction function_;
  DataSpec data_;
  PredictorOptions options_;
  PlannedRun run_;
  EvaluationLoop evaluation_;
};

Predictor::Predictor(ModuleBase& model, ForwardFunction function, const DataSpec& data, PredictorOptions options)
    : impl_(host_memory_for("planning", 0, [&] {
        return std::make_unique<Impl>(stop_, model, std::move(function), data, std::move(options));
      })) {}
Predictor::~Predictor() = default;

const Plan& Predictor::plan() const { return impl_->run().plan().summary; }
const PredictorOptions& Predictor::options() const { return impl_->options(); }
Result Predictor::evaluate(const Dataset& data) { return impl_->evaluate(data); }
Tensor Predictor::predict(const Dataset& data, const std::string& output) { return impl_->predict(data, output); }
Tensor Predictor::predict(const Tensor& rows, const std::string& output) { return impl_->predict(rows, output); }
MemoryReport Predictor::memory_report() const { return impl_->run().memory_report(); }
PlanDetails Predictor::plan_details() const { return impl_->run().plan_details(); }

}  // namespace sluice
