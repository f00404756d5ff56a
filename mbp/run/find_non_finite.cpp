#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <sluice/core/at.h>
#include <sluice/core/text.h>
#include <sluice/mbp/plan/micro_batches.h>
#include <sluice/mbp/run/scheduler.h>

namespace sluice {
namespace {

template <class T>
std::optional<std::size_t> first_not_finite_as(const std::vector<std::byte>& bytes) {
  const T* const begin = reinterpret_cast<const T*>(bytes.data());
  const T* const end = begin + bytes.size() / sizeof(T);
  const T* const found = std::find_if(begin, end, [](T v) { return !std::isfinite(v); });
  return found == end ? std::nullopt : std::optional(static_cast<std::size_t>(found - begin));
}

/// Index of the first element that is NaN or infinite; empty where there is none.
std::optional<std::size_t> first_not_finite(Backend& backend, const void* address, std::size_t bytes, DType dtype) {
  if (dtype != DType::f32 && dtype != DType::f64) return std::nullopt;
  std::vector<std::byte> host(bytes);
  backend.copy_out(host.data(), address, bytes);
  return dtype == DType::f32 ? first_not_finite_as<float>(host) : first_not_finite_as<double>(host);
}

/// A node with a result that is not finite.
struct BadNode {
  int order = 0;                              ///< number in the order of discovery
  std::string where;                          ///< "first seen in stage 0, micro-batch 3, node 'conv1 conv2d'"
  std::map<std::string, std::string> inputs;  ///< NaN and infinity of its micro-batch, by field
};

/// What a pass looked at, by node.
struct Observations {
  std::set<NodeId> at;  ///< all of them; of views, and of the first of two nodes in one kernel, there is no result
  std::map<NodeId, BadNode> bad;
};

/// Adds the nodes with a result that `value` is, or that it is computed from.
void add_producers(const Graph& graph, ValueId value, const Observations& looked, std::set<NodeId>& producers) {
  std::set<NodeId> visited;
  std::vector<ValueId> stack{value};
  while (!stack.empty()) {
    const NodeId node = graph.value(stack.back()).producer;
    stack.pop_back();
    if (node < 0 || !visited.insert(node).second) continue;
    if (looked.at.contains(node)) {
      producers.insert(node);
      continue;
    }
    const std::vector<ValueId>& inputs = graph.node(node).inputs;
    stack.insert(stack.end(), inputs.begin(), inputs.end());
  }
}

/// Where the NaN or infinity of `wanted` begins: at a node that is bad, with a way to `wanted` along such nodes, and
/// whose own operands are not. −1: none.
NodeId origin(const Graph& graph, const Observations& looked, std::span<const Var> wanted) {
  NodeId first = -1;
  std::set<NodeId> visited, waiting;
  for (const Var& var : wanted) add_producers(graph, var.id(), looked, waiting);
  while (!waiting.empty()) {
    const NodeId node = waiting.extract(waiting.begin()).value();
    const auto found = looked.bad.find(node);
    if (found == looked.bad.end() || !visited.insert(node).second) continue;
    std::set<NodeId> operands;
    for (const ValueId input : graph.node(node).inputs) add_producers(graph, input, looked, operands);
    const bool begins =
        std::none_of(operands.begin(), operands.end(), [&](NodeId n) { return looked.bad.contains(n); });
    if (begins && (first < 0 || found->second.order < looked.bad.at(first).order)) first = node;
    waiting.merge(operands);
  }
  return first;
}

/// `node`, or a node before it in the replay that was bad earlier: between them, an op made a finite number of it.
NodeId earliest(const Graph& graph, const Observations& looked, NodeId node) {
  NodeId first = node;
  std::set<NodeId> visited;
  std::vector<NodeId> stack{node};
  while (!stack.empty()) {
    const NodeId n = stack.back();
    stack.pop_back();
    if (!visited.insert(n).second) continue;
    const auto bad = looked.bad.find(n);
    if (bad != looked.bad.end() && bad->second.order < looked.bad.at(first).order) first = n;
    for (const ValueId input : graph.node(n).inputs)
      if (const Value& value = graph.value(input); value.spec.is_sample() && !value.is_leaf())
        stack.push_back(value.producer);
  }
  return first;
}

/// What of `inputs` the node reads itself or through others.
std::string blamed(const Graph& graph, NodeId node, const std::map<std::string, std::string>& inputs) {
  std::vector<NodeId> nodes = graph.ancestors(graph.node(node).inputs);
  nodes.push_back(node);
  for (const NodeId n : nodes)
    for (const ValueId v : graph.node(n).inputs) {
      const Value& value = graph.value(v);
      if (!value.is_leaf() || value.leaf.kind != LeafKind::input) continue;
      if (const auto input = inputs.find(value.leaf.name); input != inputs.end()) return input->second + "; ";
    }
  return "";
}

}  // namespace

/// Whether the instruction divides by a batch scalar that is 0.
bool Scheduler::divides_by_zero(const Part& part, const Instruction& division, const Op& op) const {
  if (op.divisor() < 0) return false;
  const int divisor = part.values[at(division.inputs[at(op.divisor())])].storage;
  if (divisor < 0 || plan_.storages[divisor].dims.rank() != 0) return false;
  const Tensor value = slab_.read(divisor).to(DType::f64);
  return value.values<double>()[0] == 0;
}

/// By field: the first sample of `micro_batch` that came with a NaN or infinity, "sample 17 (epoch 0, position 3) has
/// nan in field 'image', element 5".
std::map<std::string, std::string> Scheduler::inputs_not_finite(const Range& micro_batch, const Feeder& feeder) const {
  std::map<std::string, std::string> found;
  for (const Input& input : inputs_) {
    const Storage& storage = plan_.storages[input.input];
    if (!is_floating(storage.dtype)) continue;
    const std::size_t size = size_bytes(storage.dtype);
    const auto element = first_not_finite(slab_.backend(), slab_.storage(input.input),
                                          at(micro_batch.count) * input.sample_elements * size, storage.dtype);
    if (!element) continue;
    std::byte stored[sizeof(double)];
    double value = 0;
    slab_.backend().copy_out(stored, slab_.storage(input.input) + *element * size, size);
    convert(stored, storage.dtype, &value, DType::f64, 1);
    const std::int64_t position = micro_batch.first + static_cast<std::int64_t>(*element / input.sample_elements);
    found[storage.name] = "sample " + std::to_string(feeder.index_of(micro_batch.epoch, position)) + " (epoch " +
                          std::to_string(micro_batch.epoch) + ", position " + std::to_string(position) + ") has " +
                          number_text(value) + " in field '" + storage.name + "', element " +
                          std::to_string(*element % input.sample_elements);
  }
  return found;
}

std::string Scheduler::find_non_finite(Program& program, const Pass& pass, Feeder& feeder,
                                       std::span<const Var> wanted) {
  if (recorder_) recorder_->drop_step();
  const MicroBatches& split = pass.split;
  Observations found;
  std::map<std::string, std::string> inputs;  // of the micro-batch that is running
  bool looked = false;                        // at them
  const auto note = [&](const PackedPart& packed, const Instruction& instruction, NodeId node, std::int64_t replay) {
    std::string where = "first seen in " + packed.part.name;
    if (packed.part.micro_batch > 0) {
      where += ", micro-batch " + std::to_string(replay);
      if (!std::exchange(looked, true))
        inputs =
            inputs_not_finite({pass.range.epoch, pass.range.first + split.first(replay), split.size(replay)}, feeder);
    }
    where += ", node '" + instruction.str() + "'";
    if (divides_by_zero(packed.part, instruction, *program.graph->node(node).op))
      where += " (divides by 0: the total weight of the logical batch is 0)";
    found.bad.emplace(node, BadNode{static_cast<int>(found.bad.size()), where, inputs});
  };
  const RunPart watch = [&](const PackedPart& packed, const RunContext& context) {
    const PartAddresses& addresses = slab_.addresses(packed);
    looked = false;
    inputs.clear();
    for (const Instruction& instruction : packed.part.instructions) {
      {
        const RunningKernel running(instruction.name.c_str());
        instruction.kernel->run(context);
        slab_.backend().synchronize();
      }
      if (instruction.node < 0) continue;  // a copy of what was looked at already
      for (const int v : instruction.outputs) {
        const PartValue& value = packed.part.values[at(v)];
        const NodeId node = program.graph->value(value.value).producer;  // a kernel may do two nodes
        const std::size_t bytes = value.storage >= 0 ? plan_.storages.slot_bytes(value.storage) : value.bytes();
        found.at.insert(node);
        if (!found.bad.contains(node) && first_not_finite(slab_.backend(), addresses.values[at(v)], bytes, value.dtype))
          note(packed, instruction, node, context.replay);
      }
    }
    count_replay(packed, context);
  };
  run_with(program, pass, feeder, {}, watch);
  if (verifier_) verifier_->resync();  // these kernels ran without it
  NodeId node = origin(*program.graph, found, wanted.first(1));
  if (node < 0) node = origin(*program.graph, found, wanted);
  if (node < 0) return "and was finite when it was looked for";
  node = earliest(*program.graph, found, node);
  const BadNode& bad = found.bad.at(node);
  return blamed(*program.graph, node, bad.inputs) + bad.where;
}

}  // namespace sluice
