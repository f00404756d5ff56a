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

/// A step as a graph that can be planned, with its outputs by role.
struct StepGraph {
  std::unique_ptr<Graph> graph;
  Var loss;                                          ///< evaluation: may be empty
  Var finite;                                        ///< training: number of non-finite elements in loss and gradients
  std::vector<std::pair<std::string, Var>> metrics;  ///< batch scope
  std::vector<std::pair<std::string, Var>> predictions;  ///< sample scope
  std::vector<std::pair<std::shared_ptr<ParameterData>, Var>> gradients;
  /// Scalars that must be set before a step, without the number of samples, which the scheduler sets.
  std::set<std::string> scalars;
};

/// The forward graph, exactly as the user's function describes it.
struct Trace {
  std::unique_ptr<Graph> graph;
  Var loss;
  std::vector<std::pair<std::string, Var>> outputs;
  /// Text that is equal for equal models: the graph's fingerprint and the parameters that it refers to.
  std::string identity() const;
};
/// Calls `step` once and returns the graph. `type`: the class that traces, for messages. Throws UsageError for a
/// parameter that the step reads and `model` does not own, unless it is a constant: initialised and frozen.
Trace trace(ModuleBase& model, const StepFunction& step, const DataSpec& data, const std::string& type = "Trainer");
/// The same with every module in evaluation mode; modes are restored.
Trace trace_evaluation(ModuleBase& model, const StepFunction& step, const DataSpec& data,
                       const std::string& type = "Trainer");

/// Adds gradients, update and the finite check. Fuses pairs of ops for which `device` has one kernel, and,
/// with `fold`, folds scalar factors. Without `keep_gradients` the update may clear the gradients.
StepGraph make_training_graph(Trace trace, const Optimizer& optimizer, const Backend& device, bool fold,
                              bool keep_gradients);
StepGraph make_evaluation_graph(Trace trace, const Backend& device);

}  // namespace sluice
