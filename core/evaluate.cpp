#include <sluice/core/evaluate.h>

#include <algorithm>

#include <sluice/core/at.h>
#include <sluice/core/error.h>
#include <sluice/core/fuse.h>
#include <sluice/core/lowering.h>
#include <sluice/core/parameter_values.h>
#include <sluice/core/transfer.h>

namespace sluice {
namespace {

std::int64_t common_samples(const std::map<std::string, Tensor>& inputs) {
  std::int64_t samples = 0;
  for (const auto& [name, tensor] : inputs) {
    if (tensor.shape().rank() == 0) throw UsageError("evaluate: input '" + name + "' is a scalar; expected [n,...]");
    if (samples == 0) samples = tensor.shape()[0];
    if (tensor.shape()[0] != samples)
      throw UsageError("evaluate: inputs differ in n; got " + std::to_string(samples) + " and " + name + "=" +
                       tensor.shape().str() + "; expected one n");
  }
  return std::max<std::int64_t>(samples, 1);
}

const Tensor& input_tensor(const std::map<std::string, Tensor>& inputs, const std::string& name,
                           const ValueSpec& spec) {
  const auto found = inputs.find(name);
  if (found == inputs.end()) throw UsageError("evaluate: input '" + name + "' is missing; expected " + spec.str());
  if (found->second.shape().without_leading() != spec.shape)
    throw UsageError("evaluate: input '" + name + "' has the wrong shape; got " + found->second.shape().str() +
                     "; expected " + spec.shape.str(true));
  return found->second;
}

Tensor leaf_value(const Storage& storage, const Graph& graph, const std::map<std::string, Tensor>& inputs,
                  const EvaluateOptions& options, std::int64_t samples) {
  const Leaf& leaf = *storage.leaf;
  switch (leaf.kind) {
    case LeafKind::parameter: check_value(*leaf.parameter, "evaluate"); return Parameter(leaf.parameter).read();
    case LeafKind::input:
      for (ValueId v = 0; v < graph.values(); ++v)
        if (graph.value(v).is_leaf() && graph.value(v).leaf.kind == LeafKind::input &&
            graph.value(v).leaf.name == leaf.name)
          return input_tensor(inputs, leaf.name, graph.value(v).spec);
      break;
    case LeafKind::scalar: {
      const auto given = options.scalars.find(leaf.name);
      if (leaf.name != sample_count_name && given == options.scalars.end())
        throw UsageError("evaluate: scalar '" + leaf.name + "' is missing");
      const double number = leaf.name == sample_count_name ? static_cast<double>(samples) : given->second;
      return Tensor::of<double>({}, {number});
    }
    case LeafKind::state:
    case LeafKind::constant: {
      Tensor tensor(storage.dims, DType::f64);
      std::fill(tensor.values<double>().begin(), tensor.values<double>().end(),
                leaf.kind == LeafKind::constant ? leaf.constant : 0.0);
      return tensor;
    }
  }
  return {};
}

/// Memory of its own for every storage, leaves filled in, everything else zero (accumulators start there).
std::vector<Buffer> make_storages(Backend& backend, const StorageTable& storages, const Graph& graph,
                                  const std::map<std::string, Tensor>& inputs, const EvaluateOptions& options,
                                  std::int64_t samples) {
  std::vector<Buffer> buffers;
  for (int id = 0; id < storages.size(); ++id) {
    const Storage& storage = storages[id];
    buffers.push_back(backend.allocate(std::max(storages.bytes(id), slab_alignment)));
    backend.fill(buffers.back().data(), 0, buffers.back().bytes());
    if (storage.leaf)
      write_logical(backend, buffers.back().data(), storage.dtype, storages.layout(id),
                    leaf_value(storage, graph, inputs, options, samples));
  }
  return buffers;
}

std::vector<Tensor> evaluate_here(std::span<const Var> vars, const std::map<std::string, Tensor>& inputs,
                                  const EvaluateOptions& options) {
  Backend& backend = options.device.backend();
  const std::int64_t samples = common_samples(inputs);
  std::vector<ValueId> outputs;
  for (const Var& var : vars) outputs.push_back(var.id());
  const FusedGraph fused = fuse(vars[0].graph(), outputs, &backend);
  const Graph& graph = *fused.graph;
  for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i] = fused.outputs[i].id();

  StageCut whole;
  whole.stages.resize(1);
  whole.stages[0].replayed = graph.ancestors(outputs);
  whole.available.assign(at(graph.values()), -1);
  whole.outputs = outputs;
  StorageTable storages;
  Lowering lowering(graph, whole, storages, backend, {.workspace_cap_bytes = options.workspace_cap_bytes});
  Part part = lowering.everything(whole.stages[0].replayed, samples, outputs);
  Part derived = lowering.take_derived(-1);

  std::vector<Buffer> buffers = make_storages(backend, storages, graph, inputs, options, samples);
  std::vector<void*> addresses;
  for (const Buffer& buffer : buffers) addresses.push_back(buffer.data());
  std::vector<Buffer> arenas;
  const auto bind_apart = [&](Part& p) {
    const std::vector<Lifetime> lifetimes = arena_lifetimes(p);
    std::vector<std::size_t> offsets;
    std::size_t end = 0;
    for (const Lifetime& lifetime : lifetimes) {
      offsets.push_back(end);
      end += lifetime.bytes;
    }
    arenas.push_back(backend.allocate(std::max(end, slab_alignment)));
    return bind_part(p, addresses, arenas.back().data(), lifetimes, offsets);
  };
  bind_apart(derived);
  const PartAddresses places = bind_apart(part);

  RunContext context{.seed = options.seed, .step = options.step};
  Buffer counters;
  if (backend.keeps_counters()) {
    counters = backend.allocate(aligned(sizeof(RunCounters)));
    context.counters = reinterpret_cast<RunCounters*>(counters.data());
    backend.set_counters(context.counters, context);
  }
  run_part(derived, context);
  run_part(part, context);
  backend.synchronize();

  std::vector<Tensor> results;
  for (const ValueId v : outputs) {
    for (int i = static_cast<int>(part.values.size()) - 1; i >= 0; --i) {
      const PartValue& value = part.values[at(i)];
      if (value.value != v) continue;
      const Layout& layout = value.storage >= 0 ? storages.layout(value.storage) : value.layout;
      results.push_back(read_logical(backend, places.values[at(i)], value.dims, value.dtype, layout));
      break;
    }
  }
  return results;
}

}  // namespace

std::vector<Tensor> evaluate(std::span<const Var> vars, const std::map<std::string, Tensor>& inputs,
                             const EvaluateOptions& options) {
  if (vars.empty()) return {};
  return options.device.backend().with_threads(0, [&] { return evaluate_here(vars, inputs, options); });
}

Tensor evaluate(Var var, const std::map<std::string, Tensor>& inputs, const EvaluateOptions& options) {
  return evaluate(std::span<const Var>(&var, 1), inputs, options)[0];
}

}  // namespace sluice
