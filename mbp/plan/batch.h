#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <sluice/core/graph.h>
#include <sluice/data/dataset.h>

namespace sluice {

/// The argument of a step function: the fields of a micro-batch as Vars.
class Batch {
 public:
  Batch(Graph& graph, const DataSpec& spec);

  /// Returns the field with this name in the data set's spec. u8 images arrive normalised, as f32.
  /// Throws UsageError naming the fields.
  Var operator[](const std::string& field) const;
  /// Gives `value` a name. A batch value (a metric, say) is reported with every step and evaluation.
  /// A sample value (logits, say) is what Trainer::predict returns by that name.
  void output(const std::string& name, Var value) const;

  const std::vector<std::pair<std::string, Var>>& outputs() const { return outputs_; }

 private:
  Graph& graph_;
  const DataSpec& spec_;
  mutable std::vector<std::pair<std::string, Var>> outputs_;
};

/// A step function: computes the loss, a batch scalar, from the Vars of a micro-batch.
using StepFunction = std::function<Var(const Batch&)>;

/// What a Predictor runs: a step function, whose loss it evaluates, or a function that returns nothing
/// and only names outputs.
class ForwardFunction {
 public:
  template <class Function>
  requires std::is_invocable_v<Function&, const Batch&> &&
      (!std::is_same_v<Function, ForwardFunction>)ForwardFunction(Function function)
      : function_(step_of(std::move(function))) {}

  /// Returns the function as a step function; that returns an empty Var where there is no loss.
  const StepFunction& step() const { return function_; }

 private:
  template <class Function>
  static StepFunction step_of(Function function) {
    if constexpr (std::is_void_v<std::invoke_result_t<Function&, const Batch&>>)
      return [function = std::move(function)](const Batch& batch) mutable {
        function(batch);
        return Var();
      };
    else
      return function;
  }

  StepFunction function_;
};

}  // namespace sluice
