#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/core/stages.h>
#include <sluice/layers/module.h>
#include <sluice/mbp/plan/batch.h>
#include <sluice/optim/optimizer.h>

namespace sluice {

/// A step traced into a graph that can be planned: its outputs by role.
struct StepGraph {
  std::unique_ptr<Graph> graph;
  Var loss;                                          ///< evaluation: may be empty
  Var finite;                                        ///< training: number of non-finite elements in loss and gradients
  std::vector<std::pair<std::string, Var>> metrics;  ///< batch scope
  std::vector<std::pair<std::string, Var>> predictions;  ///< sample scope
  std::vector<std::pair<std::shared_ptr<ParameterData>, Var>> gradients;
  /// Scalars that somebody must set before a step; the number of samples, which the scheduler sets, is not among them.
  std::set<std::string> scalars;
};

/// The forward graph alone, exactly as the user's function describes it.
struct Trace {
  std::unique_ptr<Graph> graph;
  Var loss;
  std::vector<std::pair<std::string, Var>> outputs;
  /// Equal for equal models: the graph's fingerprint and which parameters it refers to.
  std::string identity() const;
};
/// Throws UsageError for a parameter that the step reads and `model` does not own, unless it is a constant: initialised
/// and frozen. `type`: whose the step is, for messages.
Trace trace(ModuleBase& model, const StepFunction& step, const DataSpec& data, const std::string& type = "Trainer");
/// The same with every module in evaluation mode; modes are restored.
Trace trace_evaluation(ModuleBase& model, const StepFunction& step, const DataSpec& data,
                       const std::string& type = "Trainer");

/// Adds gradients, update and the finite check, fuses what `device` does in one pass, and folds scalar factors if asked
/// to. Unless gradients are to be kept, the update may clear them.
StepGraph make_training_graph(Trace trace, const Optimizer& optimizer, const Backend& device, bool fold,
                              bool keep_gradients);
StepGraph make_evaluation_graph(Trace trace, const Backend& device);

}  // namespace sluice
