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

/// Options of a Predictor.
struct PredictorOptions {
  /// Samples per replay. 0: with a budget, the largest that fits, at most the samples of the DataSpec; without a budget
  /// 64, or the samples of the DataSpec if they are fewer.
  std::int64_t micro_batch = 0;
  std::size_t budget = 0;  ///< bytes; 0: none; free_memory (mbp/plan/options.h)
  Device device = Device::best();
  int threads = 0;                             ///< threads of the cpu device; 0: as TrainerOptions::threads
  Precision precision = Precision::automatic;  ///< of multiplications in convolutions and matrix products
  bool verify_memory = false;                  ///< check every byte around every kernel; slow
  unsigned char poison = 0xA5;                 ///< byte that fills the memory before anything is written
  /// File of measured algorithm choices to plan by (see mbp/plan/tuning.h); empty: the cost model chooses.
  std::string tuning = {};
  bool tune = false;          ///< first measure what the tuning file lacks, and add it to the file
  bool record = true;         ///< replay recordings of kernels (CUDA graphs) where the device can
  PlannerPasses passes = {};  ///< passes by which the planner saves memory
};

/// Evaluates a model and predicts with it inside a byte budget, forward only: no optimizer, no gradients, and a loss
/// only if the function returns one. It plans once, for any number of samples:
///
///   Predictor predictor(net, [&](const Batch& batch) { batch.output("logits", net(batch["image"])); }, images.spec(),
///                       {.micro_batch = 32, .budget = 64_MiB});
///   Tensor logits = predictor.predict(images, "logits");      // [n,10]; the set needs no labels
///   Tensor of_one = predictor.predict(image);                 // [1,28,28] in, [10] out
///
/// The function may be a training step. evaluate() then returns its loss and metrics:
///
///   Predictor predictor(net, step, test.spec());
///   std::cout << predictor.evaluate(test) << predictor.evaluate(another_test) << predictor.memory_report();
///
/// The model computes in evaluation mode; its own mode does not change. A set with as many samples as the DataSpec is
/// split evenly into micro-batches. Other sets are split into whole micro-batches, and smaller ones for the rest. The
/// split changes results only by rounding. If the function needs sums over the whole set before it can compute a row of
/// a sample, it makes several passes over the set.
class Predictor {
 public:
  /// Plans; allocates nothing on the device. `model` and what `function` captures must outlive the predictor; a run
  /// without its model throws UsageError. `data` gives the fields; its number of samples is a hint and may be 0. Throws
  /// ShapeError (graph), UsageError (options; a function that names no output and returns no loss) and OutOfMemory
  /// (with the smallest feasible budget).
  Predictor(ModuleBase& model, ForwardFunction function, const DataSpec& data, PredictorOptions options = {});
  /// Copies the values of the parameters back to the host.
  ~Predictor();
  Predictor(const Predictor&) = delete;
  Predictor& operator=(const Predictor&) = delete;

  const Plan& plan() const;
  /// Returns the options, with the resulting number of threads, budget and micro-batch.
  const PredictorOptions& options() const;

  // The first run binds the parameters to this predictor until it is destroyed. A run throws UsageError if
  // - the model was changed after planning (for options of your own modules see note_model_change()),
  // - a parameter has no value, or is bound to a Trainer or another Predictor,
  // - the data has no samples or lacks a field that is read,
  // - a micro-batch has too few samples for a layer.
  // It throws DataError for a sample that cannot be read.

  /// Returns metrics and loss over `data`; Result::loss is NaN if there is no loss. Throws UsageError also if there is
  /// neither loss nor metric, and NumericError for a loss of NaN or infinity.
  Result evaluate(const Dataset& data);
  /// Returns the sample-scope output called `output` for every sample of `data`: [n, ...]. An empty name means the only
  /// output.
  Tensor predict(const Dataset& data, const std::string& output = {});
  /// The same for rows of the one field that is read: [n, ...], or a single sample without n, whose result has no n
  /// either. Throws ShapeError for other shapes and types. Checks the model only if model_changes() has changed.
  Tensor predict(const Tensor& rows, const std::string& output = {});
  /// Requests evaluate() or predict() to end after the current micro-batch. Safe in a signal handler.
  void stop() noexcept { stop_ = true; }

  MemoryReport memory_report() const;
  /// Returns all details of the plan, after a run with measured bytes.
  PlanDetails plan_details() const;

 private:
  class Impl;
  std::atomic<bool> stop_ = false;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
