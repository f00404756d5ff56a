#include <sluice/core/graph.h>

#include <algorithm>
#include <utility>

#include <sluice/core/error.h>
#include <sluice/core/structural.h>
#include <sluice/core/text.h>

namespace sluice {

const ValueSpec& Var::spec() const { return graph().value(id_).spec; }

Var Graph::leaf(ValueSpec spec, Leaf leaf) {
  if (spec.dtype == DType::bit)
    throw ShapeError("graph: '" + leaf.name + "' is declared as bits, which only ops make; got " + spec.str() +
                     "; expected f32, i32 or u8");
  TextStream key;
  key << static_cast<int>(leaf.kind) << ':' << leaf.name << ':' << leaf.parameter.get() << ':' << std::hexfloat
      << (leaf.kind == LeafKind::state ? 0 : leaf.constant) << ':'
      << (leaf.kind == LeafKind::constant ? spec.str() : std::string());
  const auto [entry, added] = leaves_.emplace(key.str(), values());
  if (!added) {
    const Value& known = value(entry->second);
    if (known.leaf.constant != leaf.constant)
      throw ShapeError("graph: " + leaf.name + " is declared twice; got first values " +
                       number_text(known.leaf.constant) + " and " + number_text(leaf.constant) +
                       "; expected one declaration");
    if (known.spec != spec)
      throw ShapeError("graph: " + leaf.name + " is declared twice; got " + value(entry->second).spec.str() + " and " +
                       spec.str() + "; expected one declaration");
    return var(entry->second);
  }
  values_.push_back(Value{.spec = std::move(spec), .leaf = std::move(leaf)});
  return var(entry->second);
}

Var Graph::input(const std::string& name, const Shape& shape, DType dtype) {
  return leaf({shape, dtype, Scope::sample}, {.kind = LeafKind::input, .name = name});
}

Var Graph::parameter(const Parameter& parameter) {
  const ParameterData& data = *parameter.data();
  return leaf({data.value.shape(), data.value.dtype(), Scope::batch},
              {.kind = LeafKind::parameter, .parameter = parameter.data()});
}

Var Graph::state(const std::string& name, const Parameter& of, const StateSpec& spec) {
  return leaf({spec.shape, spec.dtype, Scope::batch},
              {.kind = LeafKind::state, .name = name, .parameter = of.data(), .constant = spec.first_value});
}

Var Graph::state(const std::string& name, const Parameter& of) {
  return state(name, of, {.shape = of.shape(), .dtype = of.data()->value.dtype()});
}

Var Graph::scalar(const std::string& name, DType dtype) {
  return leaf({{}, dtype, Scope::batch}, {.kind = LeafKind::scalar, .name = name});
}

Var Graph::constant(double number, const Shape& shape, DType dtype) {
  return leaf({shape, dtype, Scope::batch}, {.kind = LeafKind::constant, .constant = number});
}

std::vector<ValueSpec> Graph::specs(std::span<const ValueId> ids) const {
  std::vector<ValueSpec> specs;
  for (const ValueId id : ids) specs.push_back(value(id).spec);
  return specs;
}

bool Graph::accumulates(NodeId id) const {
  const Node& n = node(id);
  const auto is_sample = [&](ValueId v) { return value(v).spec.is_sample(); };
  return !n.outputs.empty() && !is_sample(n.outputs[0]) && std::any_of(n.inputs.begin(), n.inputs.end(), is_sample);
}

bool Graph::is_batch_node(NodeId id) const {
  const Node& n = node(id);
  const auto is_batch = [&](ValueId v) { return !value(v).spec.is_sample(); };
  return std::all_of(n.inputs.begin(), n.inputs.end(), is_batch) &&
         std::all_of(n.outputs.begin(), n.outputs.end(), is_batch);
}

std::vector<Var> Graph::add(OpPtr op, std::span<const Var> inputs) {
  // The value behind a broadcast, or -1.
  const auto behind = [&](ValueId id) {
    const Value& v = value(id);
    return !v.is_leaf() && node(v.producer).op->type() == "broadcast" ? node(v.producer).inputs[0] : -1;
  };
  std::vector<ValueId> ids;
  bool any_broadcast = false, any_sample = false;
  for (const Var& input : inputs) {
    if (!input || &input.graph() != this)
      throw UsageError(std::string(op->type()) + ": an input is empty or belongs to another graph");
    ids.push_back(input.id());
    const bool broadcasted = behind(input.id()) >= 0;
    any_broadcast = any_broadcast || broadcasted;
    any_sample = any_sample || (input.is_sample() && !broadcasted);
  }
  if (!any_sample && any_broadcast && op->batch_capable()) {
    for (ValueId& id : ids) id = behind(id) >= 0 ? behind(id) : id;
    std::vector<Var> results = append(std::move(op), std::move(ids));
    for (Var& result : results) result = broadcast(result);
    return results;
  }
  if (any_sample || any_broadcast) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const bool reads_batch = op->reads_batch(static_cast<int>(i));
      if (reads_batch && behind(ids[i]) >= 0 && any_sample)
        ids[i] = behind(ids[i]);
      else if (!reads_batch && !value(ids[i]).spec.is_sample())
        ids[i] = broadcast(var(ids[i])).id();
    }
  }
  return append(std::move(op), std::move(ids));
}

Var Graph::add1(OpPtr op, std::initializer_list<Var> inputs) {
  return add(std::move(op), std::span<const Var>(inputs.begin(), inputs.size()))[0];
}

std::vector<Var> Graph::append(OpPtr op, std::vector<ValueId> inputs) {
  std::string key = std::string(op->type()) + '{' + op->options() + '}';
  for (const ValueId id : inputs) key += ' ' + std::to_string(id);
  const auto found = known_nodes_.find(key);
  NodeId id = found == known_nodes_.end() ? -1 : found->second;
  if (id < 0) {
    const std::vector<ValueSpec> input_specs = specs(inputs);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (input_specs[i].by_product && !op->reads_by_product(static_cast<int>(i)))
        throw ShapeError(std::string(op->type()) + ": input " + std::to_string(i) + " is a by-product; got " +
                         input_specs[i].str() +
                         "; expected a value that this op reads (its batch_sum is a batch value)");
    const std::vector<ValueSpec> output_specs = op->infer(input_specs);
    id = nodes();
    Node node{.op = std::move(op), .inputs = std::move(inputs), .outputs = {}, .layer = layer_};
    for (std::size_t o = 0; o < output_specs.size(); ++o) {
      node.outputs.push_back(values());
      values_.push_back(Value{.spec = output_specs[o], .producer = id, .output = static_cast<int>(o), .leaf = {}});
    }
    nodes_.push_back(std::move(node));
    known_nodes_.emplace(std::move(key), id);
  }
  std::vector<Var> results;
  for (const ValueId output : node(id).outputs) results.push_back(var(output));
  return results;
}

std::vector<NodeId> Graph::ancestors(std::span<const ValueId> outputs) const {
  std::vector<bool> visited(nodes_.size());
  std::vector<ValueId> stack(outputs.begin(), outputs.end());
  while (!stack.empty()) {
    const NodeId producer = value(stack.back()).producer;
    stack.pop_back();
    if (producer < 0 || visited[static_cast<std::size_t>(producer)]) continue;
    visited[static_cast<std::size_t>(producer)] = true;
    stack.insert(stack.end(), node(producer).inputs.begin(), node(producer).inputs.end());
  }
  std::vector<NodeId> order;
  for (NodeId id = 0; id < nodes(); ++id)
    if (visited[static_cast<std::size_t>(id)]) order.push_back(id);
  return order;
}

std::vector<NodeId> Graph::writers() const {
  std::vector<NodeId> writers;
  for (NodeId id = 0; id < nodes(); ++id)
    if (!node(id).op->mutates().empty()) writers.push_back(id);
  return writers;
}

void Graph::push_layer(const std::string& name) {
  layer_lengths_.push_back(layer_.size());
  if (!name.empty()) layer_ += (layer_.empty() ? "" : ".") + name;
}

void Graph::pop_layer() {
  layer_.resize(layer_lengths_.back());
  layer_lengths_.pop_back();
}

std::string Graph::swap_layer(std::string path) { return std::exchange(layer_, std::move(path)); }

std::string Graph::fingerprint() const {
  TextStream text;
  text << std::hexfloat;
  for (ValueId id = 0; id < values(); ++id) {
    const Value& v = value(id);
    if (!v.is_leaf()) continue;
    text << '%' << id << '=' << static_cast<int>(v.leaf.kind) << ' ' << v.leaf.name << ' ' << v.spec.str() << ' '
         << v.leaf.constant;
    if (v.leaf.parameter) text << ' ' << v.leaf.parameter->name << (v.leaf.parameter->trainable ? "" : " frozen");
    text << '\n';
  }
  for (const Node& n : nodes_) {
    for (const ValueId output : n.outputs) text << '%' << output << ' ';
    text << '=' << n.op->type() << '{' << n.op->options() << '}';
    for (const ValueId input : n.inputs) text << " %" << input;
    text << '\n';
  }
  return text.str();
}

}  // namespace sluice
