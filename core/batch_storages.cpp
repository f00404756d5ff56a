#include <sluice/core/batch_storages.h>

#include <algorithm>
#include <bit>
#include <set>

#include <sluice/core/at.h>
#include <sluice/core/error.h>

namespace sluice {

BatchStorages::BatchStorages(const Graph& graph, std::string graph_name, const StageCut& cut, StorageTable& storages,
                             Backend& backend, Gradients gradients)
    : graph_(graph),
      graph_name_(std::move(graph_name)),
      storages_(storages),
      backend_(backend) {
  link_gradients(gradients);
  assign(cut);
}

int BatchStorages::of(ValueId v) const {
  while (storage_[at(v)] < 0 && is_view(v)) v = graph_.node(graph_.value(v).producer).inputs[0];
  return storage_[at(v)];
}

bool BatchStorages::is_view(ValueId v) const {
  return !graph_.value(v).is_leaf() && graph_.node(graph_.value(v).producer).op->is_view();
}

void BatchStorages::link_gradients(Gradients gradients) {
  for (const auto& [parameter, gradient] : gradients) gradient_of_[gradient] = parameter;
  for (NodeId n = graph_.nodes() - 1; n >= 0; --n) {
    const Node& node = graph_.node(n);
    if (node.outputs.empty() || !graph_.is_batch_node(n)) continue;
    const auto linked = gradient_of_.find(node.outputs[0]);
    const bool elementwise = node.op->batch_capable() && !node.op->in_place_inputs().empty();
    if (linked == gradient_of_.end() || !elementwise) continue;
    for (const ValueId input : node.inputs)
      if (!graph_.value(input).is_leaf() && spec(input) == spec(node.outputs[0]))
        gradient_of_.emplace(input, linked->second);
  }
}

/// Parameters outside of the model may have no name, or that of another one: they differ in their numbers.
int BatchStorages::parameter_storage(const std::shared_ptr<ParameterData>& parameter) {
  StorageKey key{.kind = StorageKind::parameter, .name = parameter->name};
  for (int id = storages_.find(key); id >= 0; id = storages_.find(key)) {
    if (storages_[id].leaf->parameter == parameter) return id;
    ++key.number;
  }
  return storages_.get(
      key, {.name = parameter->name,
            .layer = parameter->name.substr(0, std::min(parameter->name.rfind('.'), parameter->name.size())),
            .category = parameter->buffer ? Category::buffer : Category::parameter,
            .dims = parameter->value.shape(),
            .dtype = backend_.stored(parameter->value.dtype()),
            .layout = {},
            .pinned = false,
            .leaf = Leaf{.kind = LeafKind::parameter, .parameter = parameter}});
}

void BatchStorages::assign(const StageCut& cut) {
  storage_.assign(at(graph_.values()), -1);
  std::set<NodeId> live(cut.prologue.begin(), cut.prologue.end());
  live.insert(cut.writers.begin(), cut.writers.end());
  for (const Stage& stage : cut.stages) {
    live.insert(stage.replayed.begin(), stage.replayed.end());
    live.insert(stage.once.begin(), stage.once.end());
  }
  std::vector<int> readers(at(graph_.values()));
  std::set<ValueId> mentioned(cut.outputs.begin(), cut.outputs.end());
  for (const NodeId n : live) {
    for (const ValueId input : graph_.node(n).inputs) ++readers[at(input)];
    mentioned.insert(graph_.node(n).inputs.begin(), graph_.node(n).inputs.end());
    mentioned.insert(graph_.node(n).outputs.begin(), graph_.node(n).outputs.end());
  }
  for (const ValueId output : cut.outputs) ++readers[at(output)];
  // Backwards, so that an in-place result exists before the value it overwrites.
  for (auto it = mentioned.rbegin(); it != mentioned.rend(); ++it) {
    const ValueId v = *it;
    if (storage_[at(v)] >= 0 || spec(v).is_sample() || is_view(v)) continue;
    storage_[at(v)] = graph_.value(v).is_leaf() ? leaf_storage(v) : batch_storage(v);
    share_in_place(v, readers);
  }
}

/// A batch node that may work in place does when it alone reads such an input: both names mean one storage.
void BatchStorages::share_in_place(ValueId v, const std::vector<int>& readers) {
  const NodeId producer = graph_.value(v).producer;
  if (producer < 0 || !graph_.is_batch_node(producer)) return;
  const Node& node = graph_.node(producer);
  if (v != node.outputs[0]) return;
  for (const int i : node.op->in_place_inputs()) {
    const ValueId input = node.inputs[at(i)];
    if (graph_.value(input).is_leaf() || is_view(input) || readers[at(input)] != 1 || spec(input) != spec(v)) continue;
    storage_[at(input)] = storage_[at(v)];
    return;
  }
}

int BatchStorages::leaf_storage(ValueId v) {
  const Leaf& leaf = graph_.value(v).leaf;
  const DType dtype = backend_.stored(spec(v).dtype);
  switch (leaf.kind) {
    case LeafKind::parameter: return parameter_storage(leaf.parameter);
    case LeafKind::state: {
      const int parameter = parameter_storage(leaf.parameter);
      return storages_.get({.kind = StorageKind::state,
                            .name = leaf.parameter->name,
                            .detail = leaf.name,
                            .number = storages_[parameter].key.number},
                           {.name = leaf.parameter->name + " " + leaf.name,
                            .layer = storages_[parameter].layer,
                            .category = Category::optimizer,
                            .dims = spec(v).shape,
                            .dtype = dtype,
                            .layout = {},
                            .layout_of = spec(v).shape == storages_[parameter].dims ? parameter : -1,
                            .leaf = leaf});
    }
    case LeafKind::scalar:
      return storages_.get({.kind = StorageKind::scalar, .name = leaf.name}, {.name = leaf.name,
                                                                              .layer = {},
                                                                              .category = Category::batch,
                                                                              .dims = {},
                                                                              .dtype = dtype,
                                                                              .layout = {},
                                                                              .leaf = leaf});
    case LeafKind::constant:
      return storages_.get({.kind = StorageKind::constant,
                            .name = spec(v).str(),
                            .detail = std::to_string(std::bit_cast<std::uint64_t>(leaf.constant))},
                           {.name = "constant",
                            .layer = {},
                            .category = Category::batch,
                            .dims = spec(v).shape,
                            .dtype = dtype,
                            .layout = {},
                            .leaf = leaf});
    case LeafKind::input: break;
  }
  throw Error("lowering: input '" + leaf.name + "' has batch scope");
}

int BatchStorages::batch_storage(ValueId v) {
  const Value& value = graph_.value(v);
  const Node& node = graph_.node(value.producer);
  Storage fresh{.name = std::string(node.op->type()),
                .layer = node.layer,
                .category = Category::batch,
                .dims = value.spec.shape,
                .dtype = backend_.stored(value.spec.dtype),
                .layout = {},
                .leaf = {}};
  if (const auto linked = gradient_of_.find(v); linked != gradient_of_.end()) {
    fresh.category = Category::gradient;
    fresh.layout_of = parameter_storage(linked->second);
    fresh.name = linked->second->name + " gradient";
    fresh.layer = storages_[fresh.layout_of].layer;
  }
  return storages_.get({.kind = StorageKind::result, .name = graph_name_, .number = v}, std::move(fresh));
}

}  // namespace sluice
