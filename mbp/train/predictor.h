#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <sluice/core/device.h>
#include <sluice/core/tensor.h>
#include <sluice/data/dataset.h>
#include <sluice/layers/module.h>
#include <sluice/mbp/plan/batch.h>
#include <sluice/mbp/plan/plan_details.h>
#include <sluice/mbp/plan/planner_passes.h>
#include <sluice/mbp/train/memory_report.h>
#include <sluice/mbp/train/result.h>

namespace sluice {

/// What a Predictor is asked for.
struct PredictorOptions {
  /// Samples a replay. 0: with a budget the largest that fits it, at most the samples of the DataSpec; without one 64,
  /// or those of the DataSpec where they are fewer.
  std::int64_t micro_batch = 0;
  std::size_t budget = 0;  ///< bytes; 0: none; free_memory (mbp/plan/options.h)
  Device device = Device::best();
  int threads = 0;                             ///< of the cpu device; 0: as TrainerOptions::threads
  Precision precision = Precision::automatic;  ///< what contractions multiply in
  bool verify_memory = false;                  ///< check every byte around every kernel; slow
  unsigned char poison = 0xA5;                 ///< what the memory holds before anything is written
  /// File of measured algorithm choices to plan by (see mbp/plan/tuning.h); empty: the cost model chooses.
  std::string tuning = {};
  bool tune = false;          ///< measure first what the tuning file does not know yet, and write it
  bool record = true;         ///< replay recordings of kernels (CUDA graphs) where the device can
  PlannerPasses passes = {};  ///< what the planner does to save memory
};

/// Evaluates a model and predicts with it inside a byte budget, forward only: no optimizer, no gradients, and a loss
/// only where the function returns one. Planned once, for any number of samples:
///
///   Predictor predictor(net, [&](const Batch& batch) { batch.output("logits", net(batch["image"])); }, images.spec(),
///                       {.micro_batch = 32, .budget = 64_MiB});
///   Tensor logits = predictor.predict(images, "logits");      // [n,10]; the set needs no labels
///   Tensor of_one = predictor.predict(image);                 // [1,28,28] in, [10] out
///
/// A training step does as well; its loss and metrics are what evaluate() gives:
///
///   Predictor predictor(net, step, test.spec());
///   std::cout << predictor.evaluate(test) << predictor.evaluate(another_test) << predictor.memory_report();
///
/// The model computes in evaluation mode, whatever mode it is in, and keeps that. A set is cut into micro-batches of
/// the sizes that were planned: evenly, where it has as many samples as the DataSpec, else whole micro-batches and
/// smaller ones for the rest. Which of them a sample is in changes results by rounding alone. A function that needs
/// sums over the whole set before it can compute a sample's row passes over the set more than once.
class Predictor {
 public:
  /// Plans; takes no memory on the device. `model` and what `function` captures must outlive the predictor; of the
  /// model, every later run says so with UsageError when it does not. Of `data` the fields matter; its number of
  /// samples is a hint, and may be 0 where it is not known. Throws ShapeError (graph), UsageError (options; a function
  /// that names no output and returns no loss), OutOfMemory (with the smallest feasible budget).
  Predictor(ModuleBase& model, ForwardFunction function, const DataSpec& data, PredictorOptions options = {});
  /// Brings the values of parameters back to the host.
  ~Predictor();
  Predictor(const Predictor&) = delete;
  Predictor& operator=(const Predictor&) = delete;

  const Plan& plan() const;
  /// Those that were given, with the number of threads, the budget and the micro-batch that they came to.
  const PredictorOptions& options() const;

  // A run throws UsageError when the model was changed after planning (of a module's own options: see
  // note_model_change()), a parameter has no value or is bound to a Trainer or another Predictor, which every run binds
  // them to until this one is gone, the data has no samples or lacks a field that is read, or so few samples are left
  // for a micro-batch that a layer has no meaning; DataError for a sample that cannot be read.

  /// Metrics and loss over `data`; Result::loss is NaN where there is none. Throws UsageError also where there is no
  /// number to compute, and NumericError for a loss of NaN or infinity.
  Result evaluate(const Dataset& data);
  /// The sample-scope output called `output` for every sample of `data`: [n, ...]. An empty name: the only one.
  Tensor predict(const Dataset& data, const std::string& output = {});
  /// The same for rows of the one field that outputs are computed from: [n, ...], or a single sample, whose result has
  /// no n either. Throws ShapeError for other shapes and types. The model is looked at only where model_changes() says
  /// that something was changed.
  Tensor predict(const Tensor& rows, const std::string& output = {});
  /// Asks evaluate() or predict() to end after the micro-batch it is in; safe from a signal handler.
  void stop() noexcept { stop_ = true; }

  MemoryReport memory_report() const;
  /// The plan with all its bytes; after a run with what was measured of them.
  PlanDetails plan_details() const;

 private:
  class Impl;
  std::atomic<bool> stop_ = false;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
