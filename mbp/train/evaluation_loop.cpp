#include <sluice/mbp/train/evaluation_loop.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <set>

#include <sluice/core/error.h>
#include <sluice/core/host_memory.h>
#include <sluice/core/transfer.h>
#include <sluice/data/tensor_dataset.h>
#include <sluice/mbp/run/field_checks.h>

namespace sluice {
namespace {

using Clock = std::chrono::steady_clock;

/// "logits, probabilities".
std::string names_of(const std::vector<std::pair<std::string, Var>>& outputs) {
  std::string names;
  for (const auto& [name, var] : outputs) names += (names.empty() ? "" : ", ") + name;
  return names;
}

/// A data set of one field.
TensorDataset data_of(const FieldSpec& field, const Tensor& rows) {
  const auto* const bytes = static_cast<const std::byte*>(rows.data());
  return TensorDataset("input", {TensorDataset::Field(field, {bytes, bytes + rows.bytes()})});
}

}  // namespace

/// Throws where a layer needs more samples in a micro-batch than these leave.
MicroBatches EvaluationLoop::split_of(const Program& program, std::int64_t samples, const char* what) const {
  std::vector<std::int64_t> sizes;
  for (const auto& [size, parts] : program.replayed) sizes.insert(sizes.begin(), size);
  MicroBatches split(samples, sizes);
  const std::int64_t left = samples - split.samples;
  const std::string text = refusal(run_.planner().evaluation_least(), "data", left ? MicroBatches(left, left) : split);
  if (!text.empty()) throw UsageError(std::string(what) + ": " + text);
  if (left)
    throw UsageError(std::string(what) + ": " + std::to_string(samples) +
                     " samples are no sum of the micro-batches that were planned; got " + std::to_string(left) +
                     " left; expected at least " + std::to_string(sizes.back()));
  return split;
}

Pass EvaluationLoop::begin(const Program& program, const DataSpec& data, const char* what, Look look) {
  check_fields_read(run_.planner().evaluation_data(), data, fields_read(program), what);
  Pass pass{.range = {0, 0, data.samples},
            .split = split_of(program, data.samples, what),
            .seed = run_.options().seed,
            .step = 0};
  run_.begin(what, look);
  if (!graph().scalars.empty())  // they are set for training steps only
    throw UsageError(std::string(what) + ": nobody sets the scalar '" + *graph().scalars.begin() +
                     "', which the step reads in evaluation mode too; expected a step that reads it only in training");
  return pass;
}

LoaderOptions EvaluationLoop::loader_options(const Program& program, const DataSpec& data) const {
  return {.seed = run_.options().seed, .shuffle = false, .checks = field_checks(program, data)};
}

Result EvaluationLoop::evaluate(const Dataset& data, Look look) {
  Program& program = run_.plan().evaluate;
  if (program.replayed.empty())
    throw UsageError(
        "evaluate: there is no number to compute; got a function without loss and metrics; expected a "
        "loss that is returned, or a batch scalar that is named (Batch::output)");
  const Pass pass = begin(program, data.spec(), "evaluate", look);
  Scheduler& scheduler = *run_.scheduler();
  const auto start = Clock::now();
  Feeder feeder(data, loader_options(program, data.spec()), scheduler.incoming(data.spec(), program));
  Result result{.loss = std::numeric_limits<double>::quiet_NaN(), .samples = data.spec().samples};
  result.stopped = !scheduler.run(program, pass, feeder, {.after_replay = [&](int, std::int64_t) { return !stop_; }});
  if (result.stopped) {
    stop_ = false;
    return result;
  }
  if (const Var loss = graph().loss) {
    result.loss = scheduler.read_scalar(program, loss);
    if (!std::isfinite(result.loss))
      throw NumericError("evaluate: the loss is not finite; " +
                         scheduler.find_non_finite(program, pass, feeder, std::vector{loss}));
  }
  for (const auto& [name, var] : graph().metrics) result.metrics[name] = scheduler.read_scalar(program, var);
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return result;
}

Var EvaluationLoop::wanted(const std::string& output) const {
  const auto& predictions = graph().predictions;
  if (output.empty() && predictions.size() == 1) return predictions[0].second;
  for (const auto& [name, var] : predictions)
    if (name == output) return var;
  const std::string known = names_of(predictions), metrics = names_of(graph().metrics);
  const bool is_metric = std::ranges::any_of(graph().metrics, [&](const auto& m) { return m.first == output; });
  if (is_metric)
    throw UsageError("predict: '" + output + "' is a metric of the whole batch; evaluate() gives it; expected " +
                     (known.empty() ? "Batch::output() of a sample value" : "one of: " + known));
  if (known.empty())
    throw UsageError("predict: the step has no sample outputs" +
                     (metrics.empty() ? "" : ", only metrics, which evaluate() gives: " + metrics) +
                     "; expected Batch::output() of a sample value");
  if (output.empty()) throw UsageError("predict: the step has several outputs; name one of: " + known);
  throw UsageError("predict: no sample output '" + output + "'; expected one of: " + known);
}

Tensor EvaluationLoop::predict(const Dataset& data, const std::string& output, Look look) {
  const Var wanted = this->wanted(output);
  Program& program = run_.plan().predict;
  const Pass pass = begin(program, data.spec(), "predict", look);
  Scheduler& scheduler = *run_.scheduler();
  Feeder feeder(data, loader_options(program, data.spec()), scheduler.incoming(data.spec(), program));
  const Shape shape = wanted.shape().with_leading(pass.range.count);
  Tensor result = host_memory_for("the predictions '" + output + "'", bytes_of(wanted.dtype(), shape.elements()),
                                  [&] { return Tensor(shape, wanted.dtype()); });
  const int last_stage = static_cast<int>(program.cut.stages.size()) - 1;
  scheduler.run(program, pass, feeder, {.after_replay = [&](int stage, std::int64_t replay) {
                  if (stage == last_stage) copy_rows(wanted, pass.split, replay, result);
                  return !stop_;
                }});
  if (stop_.exchange(false)) throw Error("predict: stopped before every sample was seen");
  return result;
}

Tensor EvaluationLoop::predict(const Tensor& rows, const std::string& output, Look look) {
  const std::set<std::string> read = fields_read(run_.plan().predict);
  std::string names;
  for (const std::string& name : read) names += (names.empty() ? "" : ", ") + name;
  if (read.size() != 1)
    throw UsageError("predict: a tensor is the rows of one field; got outputs that are computed from " +
                     (names.empty() ? "none" : names) + "; expected one field, or a data set");
  const std::vector<FieldSpec>& fields = run_.planner().evaluation_data().fields;
  const FieldSpec& field =
      *std::find_if(fields.begin(), fields.end(), [&](const FieldSpec& f) { return f.name == *read.begin(); });
  const bool one = rows.shape() == field.shape;
  if (rows.dtype() != field.dtype || rows.bytes() == 0 ||
      (!one && (rows.shape().rank() == 0 || rows.shape().without_leading() != field.shape)))
    throw ShapeError("predict: the tensor is no row of field '" + field.name + "'; got " +
                     std::string(name(rows.dtype())) + rows.shape().str() + "; expected " +
                     std::string(name(field.dtype)) + field.shape.str() + ", or [n, ...] of them");
  const Tensor result = predict(data_of(field, rows), output, look);
  return one ? result.reshaped(result.shape().without_leading()) : result;
}

void EvaluationLoop::copy_rows(Var wanted, const MicroBatches& split, std::int64_t replay, Tensor& result) const {
  const auto [address, value] = run_.scheduler()->sample_value(run_.plan().predict, wanted, split.size(replay));
  const Tensor rows =
      read_logical(run_.backend(), address, value->dims, value->dtype, value->layout).to(result.dtype());
  const std::size_t row_bytes = rows.bytes() / static_cast<std::size_t>(split.size(replay));
  std::copy_n(static_cast<const std::byte*>(rows.data()), rows.bytes(),
              static_cast<std::byte*>(result.data()) + row_bytes * static_cast<std::size_t>(split.first(replay)));
}

}  // namespace sluice
