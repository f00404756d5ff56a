#include <sluice/mbp/plan/step_graph.h>

#include <algorithm>
#include <map>
#include <set>

#include <sluice/core/differentiate.h>
#include <sluice/core/error.h>
#include <sluice/core/fold.h>
#include <sluice/core/fuse.h>
#include <sluice/core/parameter_values.h>
#include <sluice/kernels/finite_check/finite_check.h>

namespace sluice {
namespace {

void collect_modes(ModuleBase& module, std::vector<bool>& modes) {
  modes.push_back(module.training());
  module.children([&](std::string_view, ModuleBase& child) { collect_modes(child, modes); });
}

void restore_modes(ModuleBase& module, const std::vector<bool>& modes, std::size_t& next) {
  module.set_training(modes[next++]);  // reaches the children too, which are then set themselves
  module.children([&](std::string_view, ModuleBase& child) { restore_modes(child, modes, next); });
}

/// Evaluation mode while it lives.
class EvaluationMode {
 public:
  explicit EvaluationMode(ModuleBase& model) : model_(model) {
    collect_modes(model_, modes_);
    model_.set_training(false);
  }
  ~EvaluationMode() {
    std::size_t next = 0;
    restore_modes(model_, modes_, next);
  }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  ModuleBase& model_;
  std::vector<bool> modes_;
};

/// The module of the tree at `path`; null where there is none.
ModuleBase* find_module(ModuleBase& root, std::string_view path) {
  if (path.empty()) return &root;
  ModuleBase* found = nullptr;
  root.children([&](std::string_view name, ModuleBase& child) {
    if (found || !path.starts_with(name)) return;
    const std::string_view rest = path.substr(name.size());
    if (rest.empty() || rest[0] == '.') found = find_module(child, rest.empty() ? rest : rest.substr(1));
  });
  return found;
}

/// "layer 1 (Block), whose children() lists conv, relu"; of the model itself where `path` is no module's.
std::string whose_children(ModuleBase& model, const std::string& path) {
  ModuleBase* const layer = find_module(model, path);
  ModuleBase& module = layer ? *layer : model;
  std::string names;
  module.children(
      [&](std::string_view name, ModuleBase&) { names += (names.empty() ? "" : ", ") + std::string(name); });
  const std::string place = path.empty() ? "the model" : layer ? "layer " + path : "layer " + path + " of the model";
  return place + " (" + module.str() + "), whose children() lists " + (names.empty() ? "nothing" : names);
}

/// The node that reads the parameter; null: none does.
const Node* reader_of(const Graph& graph, ValueId parameter) {
  for (NodeId n = 0; n < graph.nodes(); ++n) {
    const Node& node = graph.node(n);
    if (std::find(node.inputs.begin(), node.inputs.end(), parameter) != node.inputs.end()) return &node;
  }
  return nullptr;
}

/// "trainer", for messages.
std::string who_of(const std::string& type) { return static_cast<char>(type[0] | 0x20) + type.substr(1); }

std::set<ValueId> written_values(const Graph& graph) {
  std::set<ValueId> written;
  for (const NodeId n : graph.writers())
    for (const int i : graph.node(n).op->mutates()) written.insert(graph.node(n).inputs[static_cast<std::size_t>(i)]);
  return written;
}

/// Whatever parameter the step reads is the model's, or a constant: nobody would initialise, save or switch it to
/// evaluation with the model, and yet it would be trained.
void check_owners(ModuleBase& model, const Graph& graph, const std::string& type) {
  std::set<const ParameterData*> owned;
  for (const Parameter& parameter : all_parameters(model)) owned.insert(parameter.data().get());
  const std::set<ValueId> written = written_values(graph);
  for (ValueId v = 0; v < graph.values(); ++v) {
    const ParameterData* const parameter = graph.value(v).leaf.parameter.get();
    if (!parameter || owned.contains(parameter)) continue;
    if (has_value(*parameter) && !parameter->trainable && !written.contains(v)) continue;
    const std::string state = written.contains(v)     ? "updates"
                              : !parameter->trainable ? "reads before it has a value"
                              : type == "Trainer"     ? "would train"
                                                      : "reads";
    const Node* const reader = reader_of(graph, v);
    throw UsageError(who_of(type) + ": the step " + state + " a parameter that is not the model's; got " +
                     description(*parameter) +
                     (reader ? ", read by " + std::string(reader->op->type()) + " in " +
                                   whose_children(model, reader->layer) + " (is one missing?)"
                             : "") +
                     "; expected a parameter that the model lists in children() or parameters(). Others must be "
                     "initialised and frozen: initialize(), set_trainable(false), freeze_statistics().");
  }
}

/// What the step function returned is a loss; without one, there is nothing to train.
void check_loss(Var loss, const std::string& type) {
  const std::string returned = who_of(type) + ": the step function returned ", expected = "; expected the loss, ";
  if (!loss && type == "Trainer")
    throw UsageError(returned + "an empty Var" + expected + "a batch scalar such as cross_entropy()");
  if (loss && (loss.is_sample() || !loss.spec().is_scalar() || !is_floating(loss.dtype())))
    throw ShapeError(returned + "no batch scalar; got " + loss.spec().str() + expected +
                     "f32[] of batch scope (cross_entropy(), or the batch_sum of a loss per sample)");
}

std::vector<Trained> trained_parameters(Graph& graph, Var loss) {
  std::vector<Trained> trained;
  std::vector<Var> values;
  for (ValueId v = 0; v < graph.values(); ++v) {
    const Value& value = graph.value(v);
    if (!value.is_leaf() || value.leaf.kind != LeafKind::parameter || !value.leaf.parameter->trainable) continue;
    trained.push_back({Parameter(value.leaf.parameter), graph.var(v), {}});
    values.push_back(graph.var(v));
  }
  const std::vector<Var> gradients = differentiate(loss, values);
  for (std::size_t i = 0; i < trained.size(); ++i) trained[i].gradient = gradients[i];
  return trained;
}

/// Of the scalars that the graph declares, those that the host sets by name.
std::set<std::string> scalars_of(const Graph& graph) {
  std::set<std::string> names;
  for (ValueId v = 0; v < graph.values(); ++v)
    if (const Value& value = graph.value(v);
        value.is_leaf() && value.leaf.kind == LeafKind::scalar && value.leaf.name != sample_count_name)
      names.insert(value.leaf.name);
  return names;
}

/// Marks the gradients that the update may clear: those that are values of their own.
void mark_clearable(const Graph& graph, std::vector<Trained>& trained) {
  std::map<ValueId, int> uses;
  for (const Trained& t : trained) ++uses[t.gradient.id()];
  for (Trained& t : trained) {
    const Value& value = graph.value(t.gradient.id());
    t.clear = uses[t.gradient.id()] == 1 && !value.is_leaf() && !graph.node(value.producer).op->is_view();
  }
}

StepGraph named_outputs(Trace trace) {
  StepGraph step;
  step.scalars = scalars_of(*trace.graph);
  step.graph = std::move(trace.graph);
  step.loss = trace.loss;
  for (auto& [name, var] : trace.outputs) (var.is_sample() ? step.predictions : step.metrics).emplace_back(name, var);
  return step;
}

/// Puts what `pass` makes of the graph and its outputs in the graph's place.
template <class Pass>
void rewrite(StepGraph& step, const Pass& pass) {
  std::vector<Var*> vars;
  if (step.loss) vars.push_back(&step.loss);
  if (step.finite) vars.push_back(&step.finite);
  for (auto* named : {&step.metrics, &step.predictions})
    for (auto& [name, var] : *named) vars.push_back(&var);
  for (auto& [parameter, gradient] : step.gradients) vars.push_back(&gradient);
  std::vector<ValueId> outputs;
  for (const Var* var : vars) outputs.push_back(var->id());
  auto rewritten = pass(*step.graph, outputs);
  for (std::size_t i = 0; i < vars.size(); ++i) *vars[i] = rewritten.outputs[i];
  step.graph = std::move(rewritten.graph);
}

}  // namespace

std::string Trace::identity() const {
  std::string text = graph->fingerprint();
  for (ValueId v = 0; v < graph->values(); ++v)
    if (const auto& parameter = graph->value(v).leaf.parameter)
      text += std::to_string(reinterpret_cast<std::uintptr_t>(parameter.get())) + ' ';
  return text;
}

Trace trace(ModuleBase& model, const StepFunction& step, const DataSpec& data, const std::string& type) {
  name_modules(model);
  Trace result{.graph = std::make_unique<Graph>(), .loss = {}, .outputs = {}};
  Batch batch(*result.graph, data);
  result.loss = step(batch);
  check_loss(result.loss, type);
  result.outputs = batch.outputs();
  check_owners(model, *result.graph, type);
  return result;
}

Trace trace_evaluation(ModuleBase& model, const StepFunction& step, const DataSpec& data, const std::string& type) {
  const EvaluationMode mode(model);
  return trace(model, step, data, type);
}

StepGraph make_evaluation_graph(Trace trace, const Backend& device) {
  StepGraph step = named_outputs(std::move(trace));
  rewrite(step, [&](const Graph& graph, std::span<const ValueId> outputs) { return fuse(graph, outputs, &device); });
  return step;
}

StepGraph make_training_graph(Trace trace, const Optimizer& optimizer, const Backend& device, bool fold,
                              bool keep_gradients) {
  Graph& graph = *trace.graph;
  std::vector<Trained> trained = trained_parameters(graph, trace.loss);
  if (trained.empty()) throw UsageError("trainer: the loss depends on no trainable parameter");
  std::vector<Var> checked{trace.loss};
  for (const Trained& t : trained) checked.push_back(t.gradient);
  const Var finite = finite_check(checked);
  if (!keep_gradients) mark_clearable(graph, trained);
  optimizer.update(graph, trained);

  StepGraph step = named_outputs(std::move(trace));
  step.predictions.clear();
  step.finite = finite;
  for (const Trained& t : trained) step.gradients.emplace_back(t.parameter.data(), t.gradient);
  rewrite(step, [&](const Graph& graph, std::span<const ValueId> outputs) { return fuse(graph, outputs, &device); });
  if (fold) rewrite(step, fold_factors);
  return step;
}

}  // namespace sluice
