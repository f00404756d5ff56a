#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sluice/core/error.h>
#include <sluice/core/op.h>
#include <sluice/core/parameter.h>

namespace sluice {

using ValueId = int;
using NodeId = int;

/// The kinds of leaves: values that no node computes.
enum class LeafKind : std::uint8_t {
  input,      ///< sample scope: comes from the loader, by name
  parameter,  ///< batch scope: a model's parameter or buffer
  state,      ///< batch scope: optimizer state, a tensor beside a parameter
  scalar,     ///< batch scope: set by the host before every step, by name ("n", "lr")
  constant,   ///< batch scope: every element the same number
};

/// A value that no node computes.
struct Leaf {
  LeafKind kind = LeafKind::input;
  std::string name = {};
  std::shared_ptr<ParameterData> parameter = {};  ///< parameter: itself; state: the parameter it belongs to
  double constant = 0;  ///< constant: every element; state: every element before the first step
};

/// The shape, dtype and first value of an optimizer state.
struct StateSpec {
  Shape shape = {};
  DType dtype = DType::f32;
  double first_value = 0;
};

/// Name of the scalar that holds n, the number of samples in the logical batch.
inline constexpr const char* sample_count_name = "n";

/// A value of a graph: its spec and its producer.
struct Value {
  ValueSpec spec;
  NodeId producer = -1;  ///< -1: a leaf
  int output = 0;        ///< which output of the producer
  Leaf leaf;             ///< meaningful when producer == -1

  bool is_leaf() const { return producer < 0; }
};

/// An application of an op to inputs.
struct Node {
  OpPtr op;
  std::vector<ValueId> inputs, outputs;  ///< an op that only writes state has no outputs
  std::string layer;                     ///< path of the module that made it; gradient nodes inherit it
};

/// Refers to a value of a graph: shape, dtype and scope, but no data. Valid as long as its graph.
class Var {
 public:
  Var() = default;
  Var(Graph& graph, ValueId id) : graph_(&graph), id_(id) {}

  explicit operator bool() const { return graph_ != nullptr; }
  /// Throws UsageError for an empty Var.
  Graph& graph() const {
    if (!graph_) throw UsageError("var: it is empty; expected the result of an op or an input");
    return *graph_;
  }
  ValueId id() const { return id_; }
  const ValueSpec& spec() const;
  const Shape& shape() const { return spec().shape; }
  DType dtype() const { return spec().dtype; }
  Scope scope() const { return spec().scope; }
  bool is_sample() const { return spec().is_sample(); }

  friend bool operator==(const Var&, const Var&) = default;

 private:
  Graph* graph_ = nullptr;
  ValueId id_ = -1;
};

/// A model and its step as data: values, and nodes in an order in which they can run. Append-only; not copyable,
/// because Vars point into it.
class Graph {
 public:
  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// A named input of the step: `shape` per sample, without N. Leaves of dtype bit are refused with ShapeError.
  Var input(const std::string& name, const Shape& shape, DType dtype = DType::f32);
  /// Returns the Var of a parameter, the same one at every call.
  Var parameter(const Parameter& parameter);
  /// Optimizer state `name` beside a parameter; without a spec it is like the parameter, and zero before the first
  /// step. Throws ShapeError when it is declared twice and differently.
  Var state(const std::string& name, const Parameter& of, const StateSpec& spec);
  Var state(const std::string& name, const Parameter& of);
  /// A number that the host sets before each step.
  Var scalar(const std::string& name, DType dtype = DType::f32);
  /// n, the number of samples in the logical batch.
  Var sample_count() { return scalar(sample_count_name); }
  Var constant(double number, const Shape& shape = {}, DType dtype = DType::f32);
  /// Adds a leaf like one of another graph.
  Var copy_leaf(const Value& other) { return leaf(other.spec, other.leaf); }

  /// Adds a node and returns its outputs; an equal node is not added twice. Scopes are reconciled here:
  /// an op on broadcasts alone becomes a batch op whose results are broadcast; a batch value at an input that does not
  /// read batch values is broadcast first. Throws ShapeError (from Op::infer).
  std::vector<Var> add(OpPtr op, std::span<const Var> inputs);
  /// The same for ops with one output.
  Var add1(OpPtr op, std::initializer_list<Var> inputs);

  int values() const { return static_cast<int>(values_.size()); }
  int nodes() const { return static_cast<int>(nodes_.size()); }
  const Value& value(ValueId id) const { return values_[static_cast<std::size_t>(id)]; }
  const Node& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  Var var(ValueId id) { return Var(*this, id); }
  /// Returns the specs of `values`.
  std::vector<ValueSpec> specs(std::span<const ValueId> values) const;
  /// True for a node that adds each micro-batch's contribution to a batch value.
  bool accumulates(NodeId id) const;
  /// True for a node that computes on batch values only.
  bool is_batch_node(NodeId id) const;

  /// Nodes that `outputs` depend on, in running order.
  std::vector<NodeId> ancestors(std::span<const ValueId> outputs) const;
  /// Nodes that write state (Op::mutates), in running order.
  std::vector<NodeId> writers() const;

  /// A small number that is the same whenever the same model is traced: keys random streams of ops such as dropout.
  std::uint32_t next_random_id() { return random_ids_++; }

  /// Nodes added while a name is pushed belong to that layer; names nest with dots.
  void push_layer(const std::string& name);
  void pop_layer();
  /// Replaces the current layer path altogether (gradient nodes); returns the one it replaced.
  std::string swap_layer(std::string path);
  const std::string& layer() const { return layer_; }

  /// Canonical text of the whole graph: equal for equal models, however they were built. For hashing and comparing
  /// traces.
  std::string fingerprint() const;

 private:
  Var leaf(ValueSpec spec, Leaf leaf);
  std::vector<Var> append(OpPtr op, std::vector<ValueId> inputs);

  std::deque<Value> values_;
  std::deque<Node> nodes_;
  std::map<std::string, ValueId> leaves_;
  std::map<std::string, NodeId> known_nodes_;
  std::vector<std::size_t> layer_lengths_;
  std::string layer_;
  std::uint32_t random_ids_ = 0;
};

/// RAII for push_layer/pop_layer.
class LayerScope {
 public:
  LayerScope(Graph& graph, const std::string& name) : graph_(graph) { graph_.push_layer(name); }
  ~LayerScope() { graph_.pop_layer(); }
  LayerScope(const LayerScope&) = delete;
  LayerScope& operator=(const LayerScope&) = delete;

 private:
  Graph& graph_;
};

/// RAII: nodes added while it lives belong to the layer with this path, whatever is pushed.
class LayerPath {
 public:
  LayerPath(Graph& graph, std::string path) : graph_(graph), outside_(graph.swap_layer(std::move(path))) {}
  ~LayerPath() { graph_.swap_layer(std::move(outside_)); }
  LayerPath(const LayerPath&) = delete;
  LayerPath& operator=(const LayerPath&) = delete;

 private:
  Graph& graph_;
  std::string outside_;
};

}  // namespace sluice
