#include <sluice/core/lowering.h>

#include <algorithm>

#include <sluice/core/at.h>
#include <sluice/core/batch_storages.h>
#include <sluice/core/device.h>
#include <sluice/core/error.h>
#include <sluice/core/kept_values.h>
#include <sluice/core/reorders.h>

namespace sluice {

class Lowering::Work {
 public:
  Work(const Graph& graph, const StageCut& cut, StorageTable& storages, Backend& backend, LoweringOptions options,
       std::span<const std::pair<std::shared_ptr<ParameterData>, ValueId>> gradients)
      : graph_(graph),
        cut_(cut),
        storages_(storages),
        backend_(backend),
        options_(options),
        batch_storages_(graph, options_.graph_name, cut, storages, backend, gradients),
        reorders_(cut, storages, backend),
        kept_(options_.graph_name, storages, backend) {}

  /// `refreshed`: the last stage whose derived copies are made before the part runs.
  Part nodes_part(const std::string& name, std::span<const NodeId> nodes, int refreshed) {
    begin(name, 0, refreshed);
    for (const NodeId n : nodes) lower(n);
    return finish();
  }

  Part replayed(int stage, std::int64_t micro_batch, std::int64_t slots) {
    begin("stage " + std::to_string(stage), micro_batch, stage - 1);
    const Stage& s = cut_.stages[at(stage)];
    loadable_.assign(s.loaded.begin(), s.loaded.end());
    note_readers(s.replayed, s.stored);
    note_readers({}, cut_.outputs);
    for (const NodeId n : s.replayed) {
      lower(n);
      for (const ValueId output : graph_.node(n).outputs)
        if (std::find(s.stored.begin(), s.stored.end(), output) != s.stored.end())
          kept_.store(part_, current_.at(output), slots);
    }
    if (stage + 1 == static_cast<int>(cut_.stages.size())) {
      for (const ValueId v : cut_.outputs)
        if (spec(v).is_sample()) operand(v);  // loads what no kernel of this stage reads
      keep_to_end(cut_.outputs);
    }
    return finish();
  }

  Part everything(std::span<const NodeId> nodes, std::int64_t samples, std::span<const ValueId> outputs) {
    begin("everything", samples, -1);
    note_readers(nodes, outputs);
    for (const NodeId n : nodes) lower(n);
    for (const ValueId v : outputs) operand(v);
    keep_to_end(outputs);
    return finish();
  }

  Part take_derived(int stage) { return reorders_.take_derived(stage); }

  int storage_of(ValueId v) const { return batch_storages_.of(v); }
  const StageCut& cut() const { return cut_; }

 private:
  const ValueSpec& spec(ValueId v) const { return graph_.value(v).spec; }

  Shape dims_of(ValueId v) const {
    const bool leading = spec(v).is_sample() && !spec(v).by_product;
    return leading ? spec(v).shape.with_leading(part_.micro_batch) : spec(v).shape;
  }

  // --- one part
  // -------------------------------------------------------------------------------------------------------

  void begin(const std::string& name, std::int64_t micro_batch, int refreshed) {
    part_ = {};
    part_.name = name;
    part_.micro_batch = micro_batch;
    reorders_.begin(refreshed);
    current_.clear();
    loadable_.clear();
    readers_.clear();
    halves_.clear();
  }

  /// Called before a part's nodes are lowered, for fusions. `wanted`: values that nodes outside the part read.
  void note_readers(std::span<const NodeId> nodes, std::span<const ValueId> wanted) {
    for (const NodeId n : nodes)
      for (const ValueId v : graph_.node(n).inputs) readers_[v].push_back(n);
    for (const ValueId v : wanted) readers_[v].push_back(-1);
  }

  Part finish() {
    set_lifetimes(part_);
    return std::move(part_);
  }

  void keep_to_end(std::span<const ValueId> outputs) {
    for (const ValueId v : outputs)
      if (const auto found = current_.find(v); found != current_.end()) part_.live_out.push_back(found->second);
  }

  /// The value of the part that holds `v`, made at its first mention.
  int operand(ValueId v) {
    if (const auto found = current_.find(v); found != current_.end()) return found->second;
    const Value& value = graph_.value(v);
    int result;
    if (value.spec.is_sample() && value.is_leaf()) {
      result = input_value(v);
    } else if (value.spec.is_sample()) {
      result = load(v);
    } else if (!value.is_leaf() && graph_.node(value.producer).op->is_view()) {
      result = view(operand(graph_.node(value.producer).inputs[0]), v);
    } else {
      const int id = storage_of(v);
      const Storage& storage = storages_[id];
      result = part_.add({.name = storage.name,
                          .layer = storage.layer,
                          .category = storage.category,
                          .dims = value.spec.shape,
                          .dtype = storage.dtype,
                          .layout = storages_.layout(id),
                          .storage = id,
                          .value = v});
    }
    current_[v] = result;
    return result;
  }

  int input_value(ValueId v) {
    const Leaf& leaf = graph_.value(v).leaf;
    const DType dtype = backend_.stored(spec(v).dtype);
    const int id = storages_.get({.kind = StorageKind::input, .name = leaf.name}, {.name = leaf.name,
                                                                                   .layer = "input",
                                                                                   .category = Category::staging,
                                                                                   .dims = {},
                                                                                   .dtype = dtype,
                                                                                   .layout = {},
                                                                                   .leaf = leaf});
    const Shape dims = dims_of(v);
    storages_[id].least_bytes = std::max(storages_[id].least_bytes, Layout().bytes(dims, dtype));
    return part_.add({.name = leaf.name,
                      .layer = "input",
                      .category = Category::staging,
                      .dims = dims,
                      .dtype = dtype,
                      .layout = {},
                      .storage = id,
                      .value = v});
  }

  int view(int of, ValueId v) {
    of = in_layout(of, Layout(), graph_.node(graph_.value(v).producer).layer);
    const PartValue& base = part_.values[at(of)];
    PartValue value{.name = base.name,
                    .layer = base.layer,
                    .category = base.category,
                    .dims = dims_of(v),
                    .dtype = base.dtype,
                    .layout = {},
                    .alias = of,
                    .view = true,
                    .value = v};
    return part_.add(std::move(value));
  }

  std::size_t workspace_cap(NodeId n) const {
    const auto own = options_.node_cap_bytes.find(n);
    return own == options_.node_cap_bytes.end() ? options_.workspace_cap_bytes : own->second;
  }

  LoweredValue lowered(int v, Scope scope) const {
    const PartValue& value = part_.values[at(v)];
    LoweredValue result{value.dims, value.dtype, scope, value.layout};
    if (value.storage >= 0 && value.category != Category::staging) {
      result.layout = storages_.layout(value.storage);
      result.pinned = storages_.pinned(value.storage);
    }
    return result;
  }

  int in_layout(int of, const Layout& layout, const std::string& layer) {
    return reorders_.in_layout(part_, of, layout, layer);
  }

  void lower(NodeId n) {
    const Node& node = graph_.node(n);
    if (node.op->is_view()) {
      if (spec(node.outputs[0]).is_sample()) current_[node.outputs[0]] = view(operand(node.inputs[0]), node.outputs[0]);
      return;
    }
    if (lower_rest(n) || lower_with_reader(n)) return;
    const std::string type(node.op->type());
    const KernelFactory* const factory = backend_.kernel(type);
    if (!factory)
      throw BackendError("lowering: no kernel for op '" + type + "' on this device (" + backend_.description() + ")");
    lower_with(n, type, *factory, node.inputs, node.outputs);
  }

  /// `n` and the node that alone reads its result, where the device does the two in one pass.
  bool lower_with_reader(NodeId n) {
    const Node& node = graph_.node(n);
    if (node.outputs.size() != 1) return false;
    const auto readers = readers_.find(node.outputs[0]);
    if (readers == readers_.end() || readers->second.size() != 1 || readers->second[0] < 0) return false;
    const NodeId second = readers->second[0];
    const Node& reader = graph_.node(second);
    const Fusion* const fusion = backend_.fusion(node.op->type(), reader.op->type());
    if (!fusion || reader.inputs.size() != 1) return false;
    const std::string name = std::string(node.op->type()) + "+" + std::string(reader.op->type());
    if (!lower_with(n, name, fusion->both, node.inputs, std::span(reader.outputs).first(1), reader.op.get()))
      return false;
    halves_[second] = fusion;
    return true;
  }

  /// Of a node that was lowered with the one before it: its other outputs.
  bool lower_rest(NodeId n) {
    const auto half = halves_.find(n);
    if (half == halves_.end()) return false;
    const auto outputs = std::span(graph_.node(n).outputs);
    const auto rest = outputs.subspan(1);
    if (std::any_of(rest.begin(), rest.end(), [&](ValueId v) { return readers_.contains(v); })) {
      lower_with(n, half->second->rest_name, half->second->rest, outputs.first(1), rest);
      part_.instructions.back().in_place.clear();  // of the whole op
    }
    return true;
  }

  /// Appends the kernel that `factory` makes of node `n` (and of `second`), from `input_values` to `output_values`;
  /// false when it makes none.
  bool lower_with(NodeId n, const std::string& name, const KernelFactory& factory,
                  std::span<const ValueId> input_values, std::span<const ValueId> output_values,
                  const Op* second = nullptr) {
    const Node& node = graph_.node(n);
    std::vector<int> inputs, outputs;
    std::vector<LoweredValue> lowered_inputs, lowered_outputs;
    for (const ValueId v : input_values) {
      inputs.push_back(operand(v));
      lowered_inputs.push_back(lowered(inputs.back(), spec(v).scope));
    }
    for (const ValueId v : output_values) {
      outputs.push_back(output_value(v));
      lowered_outputs.push_back(lowered(outputs.back(), spec(v).scope));
      if (spec(v).is_sample()) lowered_outputs.back().pinned = false;
    }
    for (const auto* operands : {&lowered_inputs, &lowered_outputs})
      for (const LoweredValue& operand : *operands)
        if (!backend_.computes(node.op->type(), operand.dtype))
          throw BackendError(std::string(node.op->type()) + ": no kernels for " +
                             std::string(sluice::name(operand.dtype)) + " on this device (" + backend_.description() +
                             "); expected f32, i32 or u8");
    const LoweringContext alone(*node.op, backend_, lowered_inputs, lowered_outputs, workspace_cap(n),
                                options_.chooser);
    LoweringContext context = second ? alone.with_second(*second) : alone;
    std::unique_ptr<Kernel> kernel = factory(context);
    if (!kernel) {
      part_.values.resize(part_.values.size() - outputs.size());  // the last ones
      return false;
    }
    place_operands(node, context, inputs, outputs);

    const bool of_samples = !graph_.is_batch_node(n);
    const double samples = of_samples ? static_cast<double>(part_.micro_batch) : 1;
    Instruction instruction{.name = name,
                            .layer = node.layer,
                            .node = n,
                            .kernel = std::move(kernel),
                            .inputs = inputs,
                            .outputs = outputs,
                            .mutated = node.op->mutates(),
                            .cleared = node.op->clears(),
                            .in_place = node.op->in_place_inputs(),
                            .flops = samples * node.op->flops(graph_.specs(node.inputs), graph_.specs(node.outputs)),
                            .accumulates = graph_.accumulates(n),
                            .split_dependent = node.op->split_dependent(),
                            .cheap = node.op->cheap()};
    if (of_samples && !instruction.accumulates)
      instruction.clone_kernel = [&factory, context]() mutable { return factory(context); };
    part_.add(std::move(instruction));
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      current_[output_values[o]] = outputs[o];
      reorders_.made(output_values[o]);
    }
    return true;
  }

  /// Carries out what the factory asked of the context: pins, reorders, output layouts.
  void place_operands(const Node& node, const LoweringContext& context, std::vector<int>& inputs,
                      const std::vector<int>& outputs) {
    const std::vector<int> mutated = node.op->mutates();
    for (int i = 0; i < static_cast<int>(inputs.size()); ++i) {
      const int placed = in_layout(inputs[at(i)], context.input(i).layout, node.layer);
      if (placed != inputs[at(i)] && std::find(mutated.begin(), mutated.end(), i) != mutated.end())
        throw BackendError(std::string(node.op->type()) + ": its kernel wants another layout for input " +
                           std::to_string(i) + ", which it writes in place");
      inputs[at(i)] = placed;
    }
    for (int o = 0; o < static_cast<int>(outputs.size()); ++o) {
      PartValue& value = part_.values[at(outputs[at(o)])];
      value.layout = context.output(o).layout;
      if (value.storage >= 0 && !storages_.pinned(value.storage)) storages_.pin(value.storage, value.layout);
    }
  }

  int output_value(ValueId v) {
    const Value& value = graph_.value(v);
    const Node& node = graph_.node(value.producer);
    PartValue result{.name = std::string(node.op->type()),
                     .layer = node.layer,
                     .dims = dims_of(v),
                     .dtype = backend_.stored(value.spec.dtype),
                     .layout = {},
                     .value = v};
    if (value.output) result.name += "." + std::to_string(value.output);
    if (!value.spec.is_sample()) {
      result.storage = storage_of(v);
      result.category = storages_[result.storage].category;
      result.layout = storages_.layout(result.storage);
    }
    return part_.add(std::move(result));
  }

  int load(ValueId v) {
    if (std::find(loadable_.begin(), loadable_.end(), v) == loadable_.end())
      throw Error("lowering: a sample value is read before it is computed; the stages do not fit the graph");
    return kept_.load(part_, v);
  }

  const Graph& graph_;
  const StageCut& cut_;
  StorageTable& storages_;
  Backend& backend_;
  LoweringOptions options_;

  BatchStorages batch_storages_;
  Reorders reorders_;
  KeptValues kept_;

  Part part_;  // being built
  std::map<ValueId, int> current_;
  std::vector<ValueId> loadable_;
  std::map<ValueId, std::vector<NodeId>> readers_;  // of its values, by the part's nodes and (−1) by others
  std::map<NodeId, const Fusion*> halves_;          // nodes that were lowered with the node they read
};

Lowering::Lowering(const Graph& graph, const StageCut& cut, StorageTable& storages, Backend& backend,
                   LoweringOptions options,
                   std::span<const std::pair<std::shared_ptr<ParameterData>, ValueId>> gradients)
    : work_(std::make_unique<Work>(graph, cut, storages, backend, options, gradients)) {}
Lowering::~Lowering() = default;
Lowering::Lowering(Lowering&&) noexcept = default;

Part Lowering::prologue() { return work_->nodes_part("prologue", work_->cut().prologue, -2); }
Part Lowering::replayed(int stage, std::int64_t micro_batch, std::int64_t slots) {
  return work_->replayed(stage, micro_batch, slots);
}
Part Lowering::once(int stage) {
  return work_->nodes_part("once " + std::to_string(stage), work_->cut().stages[at(stage)].once, stage - 1);
}
Part Lowering::writers() {
  return work_->nodes_part("update", work_->cut().writers, static_cast<int>(work_->cut().stages.size()) - 1);
}
Part Lowering::take_derived(int stage) { return work_->take_derived(stage); }
Part Lowering::everything(std::span<const NodeId> nodes, std::int64_t samples, std::span<const ValueId> outputs) {
  return work_->everything(nodes, samples, outputs);
}
int Lowering::storage_of(ValueId value) const { return work_->storage_of(value); }

}  // namespace sluice
