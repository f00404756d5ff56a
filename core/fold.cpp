#include <sluice/core/fold.h>

#include <sluice/core/at.h>
#include <sluice/core/stages.h>
#include <sluice/core/structural.h>

namespace sluice {
namespace {

/// Rewrites a graph value by value; each old value is `raw` in the new graph, times `factor` when that is set.
class Folder {
 public:
  explicit Folder(const Graph& old)
      : old_(old),
        earliest_(earliest_stages(old)),
        raw_(at(old.values())),
        factor_(at(old.values())) {}

  FoldedGraph run(std::span<const ValueId> outputs) {
    for (ValueId v = 0; v < old_.values(); ++v)
      if (old_.value(v).is_leaf()) raw_[at(v)] = graph_->copy_leaf(old_.value(v));
    std::vector<ValueId> roots(outputs.begin(), outputs.end());
    for (const NodeId writer : old_.writers())
      roots.insert(roots.end(), old_.node(writer).inputs.begin(), old_.node(writer).inputs.end());
    for (const NodeId n : old_.ancestors(roots)) rewrite(n);
    for (const NodeId n : old_.writers()) emit(old_.node(n), materialised(old_.node(n)));
    FoldedGraph folded;
    for (const ValueId output : outputs) folded.outputs.push_back(materialise(output));
    folded.graph = std::move(graph_);
    return folded;
  }

 private:
  /// The old value in the new graph with its factor applied.
  Var materialise(ValueId v) { return factor_[at(v)] ? scale_by(raw_[at(v)], factor_[at(v)]) : raw_[at(v)]; }
  std::vector<Var> materialised(const Node& node) {
    std::vector<Var> inputs;
    for (const ValueId input : node.inputs) inputs.push_back(materialise(input));
    return inputs;
  }

  std::vector<Var> emit(const Node& node, const std::vector<Var>& inputs) {
    const LayerPath path(*graph_, node.layer);
    return node.op->type() == "scale_by" ? std::vector{scale_by(inputs[0], inputs[1])} : graph_->add(node.op, inputs);
  }

  /// A batch scalar that is complete only after some stage: worth pulling out of what reads it.
  bool is_late_scalar(ValueId v) const {
    const ValueSpec& spec = old_.value(v).spec;
    return !spec.is_sample() && spec.is_scalar() && is_floating(spec.dtype) && earliest_[at(v)] >= 0;
  }

  void rewrite(NodeId n) {
    const Node& node = old_.node(n);
    const std::vector<Var> outputs = pull_through(n) ? pulled_ : emit(node, materialised(node));
    for (std::size_t o = 0; o < node.outputs.size(); ++o) raw_[at(node.outputs[o])] = outputs[o];
    if (factor_of_node_ && !old_.accumulates(n)) {
      factor_[at(node.outputs[0])] = factor_of_node_;
    } else if (factor_of_node_) {  // the sum over samples ends here, so the factor is applied here
      const LayerPath path(*graph_, node.layer);
      raw_[at(node.outputs[0])] = scale_by(outputs[0], factor_of_node_);
    }
  }

  /// Tries to leave factors out of node `n`: sets factor_of_node_ and pulled_. False: nothing to pull.
  bool pull_through(NodeId n) {
    const Node& node = old_.node(n);
    factor_of_node_ = {};
    if (node.outputs.size() != 1 || !is_floating(old_.value(node.outputs[0]).spec.dtype)) return false;
    // Arithmetic on batch scalars alone is where factors come from; it stays as it is.
    if (old_.is_batch_node(n) && old_.value(node.outputs[0]).spec.is_scalar()) return false;
    std::vector<Var> inputs;
    const Var shared = shared_factor(node);
    if (shared) times(shared);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId v = node.inputs[i];
      const bool linear = node.op->linear_in(static_cast<int>(i));
      if (shared && node.op->linear_together(static_cast<int>(i))) {
        inputs.push_back(raw_[at(v)]);
      } else if (linear && factor_[at(v)]) {
        times(factor_[at(v)]);
        inputs.push_back(raw_[at(v)]);
      } else if (linear && is_late_scalar(v)) {
        times(materialise(v));
        inputs.push_back(graph_->constant(1, {}, old_.value(v).spec.dtype));
      } else {
        inputs.push_back(materialise(v));
      }
    }
    if (!factor_of_node_) return false;
    pulled_ = emit(node, inputs);
    return true;
  }

  /// The factor that all inputs carry in which the node is linear together; empty when they do not.
  Var shared_factor(const Node& node) const {
    Var shared;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (!node.op->linear_together(static_cast<int>(i))) continue;
      const Var factor = factor_[at(node.inputs[i])];
      if (!factor || (shared && shared != factor)) return {};
      shared = factor;
    }
    return shared;
  }

  void times(Var factor) { factor_of_node_ = factor_of_node_ ? scale_by(factor_of_node_, factor) : factor; }

  const Graph& old_;
  std::vector<int> earliest_;
  std::unique_ptr<Graph> graph_ = std::make_unique<Graph>();
  std::vector<Var> raw_, factor_;  // by old ValueId
  Var factor_of_node_;
  std::vector<Var> pulled_;
};

}  // namespace

FoldedGraph fold_factors(const Graph& graph, std::span<const ValueId> outputs) { return Folder(graph).run(outputs); }

}  // namespace sluice
