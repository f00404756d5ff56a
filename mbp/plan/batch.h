#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <sluice/core/graph.h>
#include <sluice/data/dataset.h>

namespace sluice {

/// What a step function sees: the fields of a micro-batch as Vars.
class Batch {
 public:
  Batch(Graph& graph, const DataSpec& spec);

  /// The field by its name in the data set's spec; u8 images arrive normalised as f32. Throws UsageError naming the
  /// fields.
  Var operator[](const std::string& field) const;
  /// Gives `value` a name. Batch scope (a metric, say) is reported with every step and evaluation; sample scope
  /// (logits, say) is what Trainer::predict returns by that name.
  void output(const std::string& name, Var value) const;

  const std::vector<std::pair<std::string, Var>>& outputs() const { return outputs_; }

 private:
  Graph& graph_;
  const DataSpec& spec_;
  mutable std::vector<std::pair<std::string, Var>> outputs_;
};

/// A step: from a micro-batch's Vars to the loss, a batch scalar.
using StepFunction = std::function<Var(const Batch&)>;

}  // namespace sluice
