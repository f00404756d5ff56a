#pragma once

#include <atomic>
#include <string>

#include <sluice/core/tensor.h>
#include <sluice/mbp/train/planned_run.h>
#include <sluice/mbp/train/result.h>

namespace sluice {

/// Evaluates and predicts with the model of a PlannedRun, in evaluation mode. Data sets may have any number of samples
/// and need only the fields that are read.
class EvaluationLoop {
 public:
  using Look = PlannedRun::Look;

  /// `run` and `stop` must outlive it. If `stop` is set, a call ends after the current micro-batch and clears it.
  EvaluationLoop(PlannedRun& run, std::atomic<bool>& stop) : run_(run), stop_(stop) {}

  /// Returns the metrics and, if there is one, the loss over `data`. Throws as Trainer::evaluate().
  Result evaluate(const Dataset& data, Look look);
  /// Returns the sample-scope output called `output` for every sample of `data`: [n, ...]. An empty name means the only
  /// output.
  Tensor predict(const Dataset& data, const std::string& output, Look look);
  /// The same for rows of the one field that is read: [n, ...], or a single sample without n, whose result has no n
  /// either.
  Tensor predict(const Tensor& rows, const std::string& output, Look look);

 private:
  const StepGraph& graph() const { return run_.planner().evaluation(); }
  MicroBatches split_of(const Program& program, std::int64_t samples, const char* what) const;
  Pass begin(const Program& program, const DataSpec& data, const char* what, Look look);
  LoaderOptions loader_options(const Program& program, const DataSpec& data) const;
  Var wanted(const std::string& output) const;
  void copy_rows(Var wanted, const MicroBatches& split, std::int64_t replay, Tensor& result) const;

  PlannedRun& run_;
  std::atomic<bool>& stop_;
};

}  // namespace sluice
