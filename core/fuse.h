#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sluice/core/graph.h>

namespace sluice {

class Backend;

/// A reader of a value: a node, and the input at which it reads.
struct FusionReader {
  NodeId node = -1;  ///< −1: the value is an output of the graph
  int input = 0;
};

/// The argument of a fusion rule: a node `first`, a node `second` that reads its output 0, and the present graph around
/// them, in which some pairs are fused already.
class FusionContext {
 public:
  FusionContext(const Graph& graph, std::span<const Node> nodes, std::span<const std::vector<FusionReader>> readers,
                NodeId first, FusionReader second)
      : graph_(graph),
        nodes_(nodes),
        readers_(readers),
        first_(first),
        second_(second) {}

  const Node& first() const { return nodes_[static_cast<std::size_t>(first_)]; }
  const Node& second() const { return nodes_[static_cast<std::size_t>(second_.node)]; }
  /// The only input of `second` that is output 0 of `first`.
  int input() const { return second_.input; }
  const ValueSpec& spec(ValueId value) const { return graph_.value(value).spec; }
  /// Returns the node that computes `value`; null for a leaf.
  const Node* producer(ValueId value) const {
    const NodeId node = graph_.value(value).producer;
    return node < 0 ? nullptr : &nodes_[static_cast<std::size_t>(node)];
  }
  /// Whether a node reads `value` or it is an output of the graph.
  bool is_read(ValueId value) const { return !readers_[static_cast<std::size_t>(value)].empty(); }

 private:
  const Graph& graph_;
  std::span<const Node> nodes_;
  std::span<const std::vector<FusionReader>> readers_;
  NodeId first_;
  FusionReader second_;
};

/// The op that does the work of two, and its inputs. Its output i is output i of the second op; last outputs without a
/// reader may be missing. Without an op the pair is not fused.
struct FusedNode {
  OpPtr op = {};
  std::vector<ValueId> inputs = {};
};

/// How an op of type `first` and an op of type `second` that reads its output 0 become one op.
struct FusionRule {
  std::string first, second;
  std::function<FusedNode(const FusionContext&)> fuse;
  /// Allows several readers of the result of `first`, if rules fuse it with each of them. Every fused op then repeats
  /// the work of `first`, so this is for work that costs them nothing.
  bool repeats_first = false;
};

/// Fusion rules by pair of op types.
class FusionRules {
 public:
  /// Adds a rule. Throws UsageError if the pair has one.
  void add(FusionRule rule);
  /// Returns null if the pair has no rule.
  const FusionRule* find(std::string_view first, std::string_view second) const;

 private:
  std::map<std::pair<std::string, std::string>, FusionRule> rules_;
};

/// Adds a rule for ops that are defined outside the library. Call it before the first plan or evaluate(). Throws
/// UsageError if the pair has a rule.
void add_fusion_rule(FusionRule rule);

/// A graph with fused pairs and without unused nodes, and the new Vars of the outputs.
struct FusedGraph {
  std::unique_ptr<Graph> graph;
  std::vector<Var> outputs;
};

/// Fuses all pairs that have a rule. `graph` must be complete, with gradients and update, and `outputs` must contain
/// all values that are read outside the graph. So a value with another reader is computed only once.
///
/// A pair is fused if the second node is the only reader of the first (see FusionRule::repeats_first), both run equally
/// often, and `device` has a kernel for the fused op (null: any device). Nodes that write state are not fused. The
/// order is fixed: from the last node to the first, until no pair is left. Throws UsageError for a rule whose op has
/// other outputs than the second node.
FusedGraph fuse(const Graph& graph, std::span<const ValueId> outputs, const Backend* device);

}  // namespace sluice
