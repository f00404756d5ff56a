#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include <sluice/core/batch_storages.h>
#include <sluice/core/device.h>
#include <sluice/core/error.h>
#include <sluice/core/kept_copy.h>
#include <sluice/core/program.h>

namespace sluice {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// Stands for a reorder in the lowering context; the kernel only looks at its two layouts.
class ReorderOp final : public Op {
 public:
  std::string_view type() const override { return "reorder"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> in) const override { return {in[0]}; }
};

std::string pointer_key(const void* pointer) { return std::to_string(reinterpret_cast<std::uintptr_t>(pointer)); }

/// Moves `source` from one layout to another.
std::unique_ptr<Kernel> reorder_kernel(Backend& backend, const PartValue& source, const Layout& from,
                                       const Layout& to) {
  const KernelFactory* const factory = backend.kernel("reorder");
  if (!factory)
    throw BackendError("lowering: " + source.name + " must be reordered and the device has no reorder kernel");
  static const ReorderOp op;
  LoweringContext context(op, backend, {{source.dims, source.dtype, Scope::batch, from}},
                          {{source.dims, source.dtype, Scope::batch, to}}, /*workspace_cap_bytes=*/0);
  return (*factory)(context);
}

}  // namespace

class Lowering::Work {
 public:
  Work(const Graph& graph, const StageCut& cut, StorageTable& storages, Backend& backend, LoweringOptions options,
       std::span<const std::pair<std::shared_ptr<ParameterData>, ValueId>> gradients)
      : graph_(graph),
        cut_(cut),
        storages_(storages),
        backend_(backend),
        options_(options),
        batch_storages_(graph, cut, storages, backend, gradients) {}

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
    for (const NodeId n : s.replayed) {
      lower(n);
      for (const ValueId output : graph_.node(n).outputs)
        if (std::find(s.stored.begin(), s.stored.end(), output) != s.stored.end()) store(output, slots);
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
    for (const NodeId n : nodes) lower(n);
    for (const ValueId v : outputs) operand(v);
    keep_to_end(outputs);
    return finish();
  }

  Part take_derived(int stage) {
    Part part = std::move(derived_[stage]);
    derived_.erase(stage);
    part.name = "derived " + std::to_string(stage);
    set_lifetimes(part);
    return part;
  }

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
    refreshed_before_ = refreshed;
    part_.name = name;
    part_.micro_batch = micro_batch;
    current_.clear();
    reordered_.clear();
    loadable_.clear();
    made_here_.clear();
  }

  Part finish() {
    set_lifetimes(part_);
    return std::move(part_);
  }

  int append_value(PartValue value) {
    part_.values.push_back(std::move(value));
    return static_cast<int>(part_.values.size()) - 1;
  }

  void keep_to_end(std::span<const ValueId> outputs) {
    for (const ValueId v : outputs)
      if (const auto found = current_.find(v); found != current_.end()) part_.kept_to_end.push_back(found->second);
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
      result = append_value({.name = storage.name,
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
    const int id = storages_.get("input:" + leaf.name, {.name = leaf.name,
                                                        .layer = "input",
                                                        .category = Category::staging,
                                                        .dims = {},
                                                        .dtype = dtype,
                                                        .layout = {},
                                                        .leaf = leaf});
    const Shape dims = dims_of(v);
    storages_[id].least_bytes = std::max(storages_[id].least_bytes, Layout().bytes(dims, dtype));
    return append_value({.name = leaf.name,
                         .layer = "input",
                         .category = Category::staging,
                         .dims = dims,
                         .dtype = dtype,
                         .layout = {},
                         .storage = id,
                         .value = v});
  }

  int view(int of, ValueId v) {
    of = reordered(of, Layout(), graph_.node(graph_.value(v).producer).layer);
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
    return append_value(std::move(value));
  }

  /// Input `of` in `layout`; inserts a reorder when it lies otherwise.
  int reordered(int of, const Layout& layout, const std::string& layer) {
    const PartValue source = part_.values[at(of)];
    const Layout actual =
        source.storage >= 0 && source.category != Category::staging ? storages_.layout(source.storage) : source.layout;
    if (source.storage >= 0 && source.category != Category::staging && !storages_.pinned(source.storage)) {
      storages_.pin(source.storage, layout);
      part_.values[at(of)].layout = layout;
      return of;
    }
    if (actual == layout) {
      part_.values[at(of)].layout = actual;
      return of;
    }
    const auto [known, fresh] = reordered_.emplace(std::make_pair(of, layout.identity()), -1);
    if (!fresh) return known->second;
    const bool once_per_step = source.storage >= 0 && source.category != Category::staging &&
                               !made_here_.contains(source.value) &&
                               cut_.available[at(source.value)] <= refreshed_before_;
    const int result = once_per_step ? derived_copy(source, actual, layout, layer) : reorder_here(of, layout, layer);
    known->second = result;
    return result;
  }

  int reorder_here(int of, const Layout& layout, const std::string& layer) {
    PartValue value = part_.values[at(of)];
    const auto kernel = [&backend = backend_, value, layout] {
      return reorder_kernel(backend, value, value.layout, layout);
    };
    Instruction instruction{.name = "reorder",
                            .layer = layer,
                            .kernel = kernel(),
                            .inputs = {of},
                            .outputs = {},
                            .mutated = {},
                            .make_again = kernel};
    value.name += " reordered";
    value.layer = layer;
    value.category = Category::activation;
    value.layout = layout;
    value.storage = value.alias = value.value = -1;
    value.view = false;
    emit(std::move(instruction), {append_value(std::move(value))});
    return part_.instructions.back().outputs[0];
  }

  /// A copy of a batch value in another layout, refreshed once per step as soon as the value is complete.
  int derived_copy(const PartValue& source, const Layout& from, const Layout& layout, const std::string& layer) {
    const std::string key = std::to_string(source.storage) + ":" + layout.identity();
    const int id = storages_.get("derived:" + key, {.name = source.name + " as " + layout.str(source.dims.rank()),
                                                    .layer = source.layer,
                                                    .category = Category::derived,
                                                    .dims = source.dims,
                                                    .dtype = source.dtype,
                                                    .layout = layout,
                                                    .leaf = {}});
    PartValue copy{.name = storages_[id].name,
                   .layer = source.layer,
                   .category = Category::derived,
                   .dims = source.dims,
                   .dtype = source.dtype,
                   .layout = layout,
                   .storage = id};
    if (refreshed_.insert(id).second) {
      Part& part = derived_[cut_.available[at(source.value)]];
      PartValue original = source;
      original.layout = from;
      original.alias = -1;
      original.view = false;
      const int in = static_cast<int>(part.values.size());
      part.values.push_back(std::move(original));
      part.values.push_back(copy);
      part.instructions.push_back({.name = "reorder",
                                   .layer = layer,
                                   .kernel = reorder_kernel(backend_, source, from, layout),
                                   .inputs = {in},
                                   .outputs = {in + 1},
                                   .mutated = {}});
      part.instructions.back().workspace_bytes = part.instructions.back().kernel->workspace_bytes();
    }
    return append_value(std::move(copy));
  }

  void emit(Instruction instruction, std::vector<int> outputs) {
    instruction.outputs = std::move(outputs);
    instruction.workspace_bytes = instruction.kernel->workspace_bytes();
    part_.instructions.push_back(std::move(instruction));
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

  void lower(NodeId n) {
    const Node& node = graph_.node(n);
    if (node.op->is_view()) {
      if (spec(node.outputs[0]).is_sample()) current_[node.outputs[0]] = view(operand(node.inputs[0]), node.outputs[0]);
      return;
    }
    const KernelFactory* const factory = backend_.kernel(node.op->type());
    if (!factory)
      throw BackendError("lowering: no kernel for op '" + std::string(node.op->type()) + "' on this device (" +
                         backend_.description() + ")");
    std::vector<int> inputs, outputs;
    std::vector<LoweredValue> lowered_inputs, lowered_outputs;
    for (const ValueId v : node.inputs) {
      inputs.push_back(operand(v));
      lowered_inputs.push_back(lowered(inputs.back(), spec(v).scope));
    }
    for (const ValueId v : node.outputs) {
      outputs.push_back(output_value(node, v));
      lowered_outputs.push_back(lowered(outputs.back(), spec(v).scope));
      if (spec(v).is_sample()) lowered_outputs.back().pinned = false;
    }
    for (const auto* operands : {&lowered_inputs, &lowered_outputs})
      for (const LoweredValue& operand : *operands)
        if (!backend_.computes(node.op->type(), operand.dtype))
          throw BackendError(std::string(node.op->type()) + ": no kernels for " + std::string(name(operand.dtype)) +
                             " on this device (" + backend_.description() + "); expected f32, i32 or u8");
    LoweringContext context(*node.op, backend_, lowered_inputs, lowered_outputs, workspace_cap(n), options_.chooser);
    std::unique_ptr<Kernel> kernel = (*factory)(context);
    place_operands(node, context, inputs, outputs);

    const bool of_samples = !graph_.is_batch_node(n);
    const double samples = of_samples ? static_cast<double>(part_.micro_batch) : 1;
    Instruction instruction{.name = std::string(node.op->type()),
                            .layer = node.layer,
                            .node = n,
                            .kernel = std::move(kernel),
                            .inputs = inputs,
                            .outputs = {},
                            .mutated = node.op->mutates(),
                            .cleared = node.op->clears(),
                            .in_place = node.op->in_place_inputs(),
                            .flops = samples * node.op->flops(graph_.specs(node.inputs), graph_.specs(node.outputs)),
                            .accumulates = graph_.accumulates(n),
                            .split_dependent = node.op->split_dependent(),
                            .cheap = node.op->cheap()};
    if (of_samples && !instruction.accumulates)
      instruction.make_again = [factory, context]() mutable { return (*factory)(context); };
    emit(std::move(instruction), outputs);
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      current_[node.outputs[o]] = outputs[o];
      made_here_.insert(node.outputs[o]);
    }
  }

  /// Carries out what the factory asked of the context: pins, reorders, output layouts.
  void place_operands(const Node& node, const LoweringContext& context, std::vector<int>& inputs,
                      const std::vector<int>& outputs) {
    const std::vector<int> mutated = node.op->mutates();
    for (int i = 0; i < static_cast<int>(inputs.size()); ++i) {
      const int placed = reordered(inputs[at(i)], context.input(i).layout, node.layer);
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

  int output_value(const Node& node, ValueId v) {
    const Value& value = graph_.value(v);
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
    return append_value(std::move(result));
  }

  // --- values kept across stages
  // --------------------------------------------------------------------------------------

  int kept_storage(const PartValue& value, std::int64_t slots) {
    const int id = storages_.get("kept:" + pointer_key(&graph_) + ":" + std::to_string(value.value),
                                 {.name = value.name + " kept",
                                  .layer = value.layer,
                                  .category = Category::activation,
                                  .dims = {},
                                  .dtype = value.dtype,
                                  .layout = {},
                                  .leaf = {}});
    storages_[id].slots = std::max(storages_[id].slots, slots);
    storages_[id].least_bytes = std::max(storages_[id].least_bytes, value.bytes());
    return id;
  }

  void copy_kept(int from, int to, int storage, std::size_t bytes, bool store) {
    const auto kernel = [&backend = backend_, &storages = storages_, storage, bytes,
                         store]() -> std::unique_ptr<Kernel> {
      return std::make_unique<KeptCopy>(backend, storages, storage, bytes, store);
    };
    Instruction instruction{.name = store ? "store" : "load",
                            .layer = part_.values[at(from)].layer,
                            .kernel = kernel(),
                            .inputs = {from},
                            .outputs = {},
                            .mutated = {}};
    if (!store) instruction.make_again = kernel;
    emit(std::move(instruction), {to});
  }

  void store(ValueId v, std::int64_t slots) {
    const int from = current_.at(v);
    const PartValue value = part_.values[at(from)];
    kept_layouts_[{v, part_.micro_batch}] = value;
    const int id = kept_storage(value, slots);
    PartValue kept = value;
    kept.name += " kept";
    kept.storage = id;
    kept.alias = kept.value = -1;
    kept.view = false;
    copy_kept(from, append_value(std::move(kept)), id, value.bytes(), true);
  }

  int load(ValueId v) {
    if (std::find(loadable_.begin(), loadable_.end(), v) == loadable_.end())
      throw Error("lowering: a sample value is read before it is computed; the stages do not fit the graph");
    PartValue value = kept_layouts_.at({v, part_.micro_batch});
    const int id = kept_storage(value, 1);
    PartValue kept = value;
    kept.name += " kept";
    kept.storage = id;
    kept.alias = kept.value = -1;
    kept.view = false;
    value.storage = value.alias = -1;
    value.view = false;
    const int from = append_value(std::move(kept));
    const std::size_t bytes = value.bytes();
    const int to = append_value(std::move(value));
    copy_kept(from, to, id, bytes, false);
    return to;
  }

  const Graph& graph_;
  const StageCut& cut_;
  StorageTable& storages_;
  Backend& backend_;
  LoweringOptions options_;

  BatchStorages batch_storages_;
  std::map<int, Part> derived_;
  std::set<int> refreshed_;  // derived storages this graph refreshes already
  std::map<std::pair<ValueId, std::int64_t>, PartValue> kept_layouts_;

  Part part_;                  // being built
  int refreshed_before_ = -1;  // stages whose derived copies are made before it runs
  std::map<ValueId, int> current_;
  std::map<std::pair<int, std::string>, int> reordered_;
  std::vector<ValueId> loadable_;
  std::set<ValueId> made_here_;
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
