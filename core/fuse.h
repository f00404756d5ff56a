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

/// A node that reads a value, and at which of its inputs.
struct FusionReader {
  NodeId node = -1;  ///< −1: the value is asked for by name
  int input = 0;
};

/// What a fusion rule sees: a node, `first`, a node that reads its output 0, `second`, and the graph around them as it
/// stands, with the pairs in it that are fused already.
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
  /// Which input of `second` is output 0 of `first`; no other one is.
  int input() const { return second_.input; }
  const ValueSpec& spec(ValueId value) const { return graph_.value(value).spec; }
  /// Who makes `value`; null for a leaf.
  const Node* producer(ValueId value) const {
    const NodeId node = graph_.value(value).producer;
    return node < 0 ? nullptr : &nodes_[static_cast<std::size_t>(node)];
  }
  /// Whether a node reads `value`, or somebody asked for it.
  bool is_read(ValueId value) const { return !readers_[static_cast<std::size_t>(value)].empty(); }

 private:
  const Graph& graph_;
  std::span<const Node> nodes_;
  std::span<const std::vector<FusionReader>> readers_;
  NodeId first_;
  FusionReader second_;
};

/// The op that does the work of two, and the values it reads. Its output i is output i of the second; last outputs that
/// nobody reads may be missing. Without an op: the two stay as they are.
struct FusedNode {
  OpPtr op = {};
  std::vector<ValueId> inputs = {};
};

/// How an op of type `first` and an op of type `second` that reads its output 0 become one op.
struct FusionRule {
  std::string first, second;
  std::function<FusedNode(const FusionContext&)> fuse;
  /// Several nodes may read the result of `first`, if rules fuse it with each of them: its work is done by every one.
  /// For work that costs them nothing; otherwise a result with several readers stays.
  bool repeats_first = false;
};

/// Rules by their pair of op types.
class FusionRules {
 public:
  /// Throws UsageError when the pair has a rule.
  void add(FusionRule rule);
  /// Null when the pair has none.
  const FusionRule* find(std::string_view first, std::string_view second) const;

 private:
  std::map<std::pair<std::string, std::string>, FusionRule> rules_;
};

/// Adds a rule for ops defined outside the library, before the first plan or evaluate(). Throws UsageError when the
/// pair has one.
void add_fusion_rule(FusionRule rule);

/// A graph in which pairs of nodes are fused, without nodes that nobody needs, and where the outputs went.
struct FusedGraph {
  std::unique_ptr<Graph> graph;
  std::vector<Var> outputs;
};

/// Fuses all pairs that have a rule, in a graph that is complete: gradients and update included, `outputs` being all
/// values that are asked for. So nothing is computed twice that is read elsewhere, by whomever.
///
/// A pair is fused where the second is the only reader of the first's results (see FusionRule::repeats_first), where
/// both run equally often, and where `device` has a kernel for the op that does both; null: any device. Nodes that
/// write state stay as they are. The order is fixed: from the last node to the first, until no pair is left. Throws
/// UsageError for a rule that makes other values than the second node did.
FusedGraph fuse(const Graph& graph, std::span<const ValueId> outputs, const Backend* device);

}  // namespace sluice
