#pragma once

#include <utility>
#include <vector>

#include <sluice/core/graph.h>

namespace sluice {

/// The argument of Op::gradient: the node, the gradients of its outputs, and the gradients of its inputs, which the op
/// sets.
class GradientContext {
 public:
  GradientContext(Graph& graph, NodeId node, std::vector<Var> output_gradients, std::vector<bool> needed)
      : graph_(graph),
        node_(node),
        dy_(std::move(output_gradients)),
        needed_(std::move(needed)),
        dx_(needed_.size()) {}

  Graph& graph() const { return graph_; }
  Var input(int i) const { return graph_.var(graph_.node(node_).inputs[static_cast<std::size_t>(i)]); }
  Var output(int o) const { return graph_.var(graph_.node(node_).outputs[static_cast<std::size_t>(o)]); }
  /// The gradient of the loss with respect to output `o`; empty if the loss does not depend on it.
  Var dy(int o = 0) const { return dy_[static_cast<std::size_t>(o)]; }
  /// Whether the gradient with respect to input `i` is needed.
  bool needs(int i) const { return needed_[static_cast<std::size_t>(i)]; }
  /// Sets the gradient with respect to input `i`, which has the shape of the input. A sample-scope gradient of a batch
  /// input is batch_summed; a batch-scope gradient of a sample input is broadcast.
  void set(int i, Var dx) { dx_[static_cast<std::size_t>(i)] = dx; }
  const std::vector<Var>& gradients() const { return dx_; }

 private:
  Graph& graph_;
  NodeId node_;
  std::vector<Var> dy_;
  std::vector<bool> needed_;
  std::vector<Var> dx_;
};

}  // namespace sluice
