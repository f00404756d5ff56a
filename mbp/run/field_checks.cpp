#include <sluice/mbp/run/field_checks.h>

#include <algorithm>

namespace sluice {
namespace {

/// Name of the input that `v` is, or that it shows under another shape; empty where it is something else.
std::string input_name(const Graph& graph, ValueId v) {
  while (!graph.value(v).is_leaf()) {
    const Node& node = graph.node(graph.value(v).producer);
    if (!node.op->is_view()) return "";
    v = node.inputs[0];
  }
  const Leaf& leaf = graph.value(v).leaf;
  return leaf.kind == LeafKind::input ? leaf.name : "";
}

void add_checks(const Graph& graph, NodeId n, const DataSpec& data, std::vector<FieldCheck>& checks) {
  const Node& node = graph.node(n);
  const std::vector<ValueSpec> specs = graph.specs(node.inputs);
  for (int i = 0; i < static_cast<int>(node.inputs.size()); ++i) {
    const std::optional<IntegerRange> range = node.op->integer_range(i, specs);
    if (!range) continue;
    const std::string name = input_name(graph, node.inputs[static_cast<std::size_t>(i)]);
    const auto field =
        std::find_if(data.fields.begin(), data.fields.end(), [&](const FieldSpec& f) { return f.name == name; });
    if (field == data.fields.end() || (field->dtype != DType::i32 && field->dtype != DType::u8)) continue;
    const auto index = static_cast<std::size_t>(field - data.fields.begin());
    const bool known = std::any_of(checks.begin(), checks.end(), [&](const FieldCheck& check) {
      return check.field == index && check.range == *range;
    });
    if (!known)
      checks.push_back(
          {index, *range, std::string(node.op->type()) + (node.layer.empty() ? "" : " in layer " + node.layer)});
  }
}

}  // namespace

std::vector<FieldCheck> field_checks(const Program& program, const DataSpec& data) {
  std::vector<FieldCheck> checks;
  for (const Stage& stage : program.cut.stages)
    for (const NodeId n : stage.replayed) add_checks(*program.graph, n, data, checks);
  return checks;
}

std::set<std::string> fields_read(const Program& program) {
  std::set<std::string> names;
  const auto add = [&](ValueId v) {
    if (const Value& value = program.graph->value(v); value.is_leaf() && value.leaf.kind == LeafKind::input)
      names.insert(value.leaf.name);
  };
  for (const Stage& stage : program.cut.stages)
    for (const NodeId n : stage.replayed)
      for (const ValueId v : program.graph->node(n).inputs) add(v);
  for (const ValueId v : program.cut.outputs) add(v);  // an input can be a prediction
  return names;
}

}  // namespace sluice
