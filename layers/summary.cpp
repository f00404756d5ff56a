#include <sluice/layers/summary.h>

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <set>
#include <span>

#include <sluice/core/fuse.h>
#include <sluice/core/text.h>

namespace sluice {
namespace {

/// Rows of the modules that compute or hold something themselves, in the order of declaration.
class Rows {
 public:
  explicit Rows(Summary& summary) : summary_(summary) {}

  void add_modules(ModuleBase& module, const std::string& path) {
    bool leaf = true;
    SummaryRow row{.layer = path, .module = module.str(), .output = {}};
    module.parameters([&](std::string_view, Parameter& parameter) { count(parameter, row); });
    const std::size_t place = summary_.rows.size();
    summary_.rows.push_back(std::move(row));
    module.children([&](std::string_view name, ModuleBase& child) {
      leaf = false;
      add_modules(child, path.empty() ? std::string(name) : path + "." + std::string(name));
    });
    if (!leaf) inner_.insert(place);
  }

  void add_node(const Graph& graph, const Node& node) {
    const auto found = std::find_if(summary_.rows.begin(), summary_.rows.end(),
                                    [&](const SummaryRow& row) { return row.layer == node.layer; });
    if (found == summary_.rows.end()) return;  // under a name that is no module's
    inner_.erase(static_cast<std::size_t>(found - summary_.rows.begin()));
    const std::vector<ValueSpec> inputs = graph.specs(node.inputs), outputs = graph.specs(node.outputs);
    found->flops += node.op->flops(inputs, outputs);
    if (outputs.empty()) return;
    found->output = outputs[0].shape;
    const bool in_place = node.op->is_view() || !node.op->in_place_inputs().empty();
    for (const ValueSpec& output : std::span(outputs).subspan(in_place ? 1 : 0))
      if (output.is_sample() && !output.by_product)
        found->activation_bytes += bytes_of(output.dtype, output.shape.elements());
  }

  /// Drops containers that do nothing themselves, and sums the rest.
  void finish() {
    for (auto place = inner_.rbegin(); place != inner_.rend(); ++place)
      if (summary_.rows[*place].parameters == 0)
        summary_.rows.erase(summary_.rows.begin() + static_cast<std::ptrdiff_t>(*place));
    for (const SummaryRow& row : summary_.rows) {
      summary_.flops += row.flops;
      summary_.activation_bytes += row.activation_bytes;
    }
  }

 private:
  void count(const Parameter& parameter, SummaryRow& row) {
    if (!parameter || parameter.is_buffer() || !seen_.insert(parameter.data().get()).second) return;
    row.parameters += parameter.shape().elements();
    summary_.parameters += parameter.shape().elements();
    if (parameter.trainable()) summary_.trainable_parameters += parameter.shape().elements();
  }

  Summary& summary_;
  std::set<const ParameterData*> seen_;
  std::set<std::size_t> inner_;  ///< rows of modules with children and, so far, no nodes
};

/// 1234567 → "1.23 M".
std::string short_number(double number) {
  constexpr const char* suffixes[] = {"", " k", " M", " G", " T"};
  int i = 0;
  for (; number >= 1000 && i < 4; ++i) number /= 1000;
  TextStream text;
  text << std::setprecision(3) << number << suffixes[i];
  return text.str();
}

}  // namespace

Summary summary(Module& model, const Shape& input) {
  return detail::summary_of(model, std::span(&input, 1), [&](std::span<const Var> vars) { return model(vars[0]); });
}

Summary detail::summary_of(ModuleBase& model, std::span<const Shape> inputs, const CallModel& call) {
  name_modules(model);
  Graph graph;
  std::vector<Var> vars;
  for (const Shape& input : inputs) vars.push_back(graph.input("x" + std::to_string(vars.size()), input));
  const ValueId y = call(vars).id();
  const FusedGraph fused = fuse(graph, std::span(&y, 1), nullptr);
  const ValueId output = fused.outputs[0].id();
  Summary result{.rows = {}, .inputs = std::vector(inputs.begin(), inputs.end())};
  Rows rows(result);
  rows.add_modules(model, "");
  for (const NodeId id : fused.graph->ancestors(std::span(&output, 1)))
    rows.add_node(*fused.graph, fused.graph->node(id));
  rows.finish();
  return result;
}

std::ostream& operator<<(std::ostream& stream, const Summary& summary) {
  TextStream out;
  const bool one_input = summary.inputs.size() == 1;
  std::size_t layer = one_input ? 5 : 7, module = 6, output = 6;
  for (const Shape& input : summary.inputs) output = std::max(output, input.str(true).size());
  for (const SummaryRow& row : summary.rows) {
    layer = std::max(layer, row.layer.size());
    module = std::max(module, row.module.size());
    output = std::max(output, row.output.str(true).size());
  }
  const auto line = [&](const std::string& a, const std::string& b, const std::string& c, const std::string& d,
                        const std::string& e, const std::string& f) {
    const auto width = [](std::size_t n) { return std::setw(static_cast<int>(n)); };
    out << std::left << width(layer) << a << "  " << width(module) << b << "  " << width(output) << c << std::right
        << std::setw(14) << d << std::setw(10) << e << std::setw(20) << f << '\n';
  };
  line("layer", "module", "output", "parameters", "FLOPs", "bytes per sample");
  for (std::size_t i = 0; i < summary.inputs.size(); ++i)
    line(one_input ? "input" : "input " + std::to_string(i), "", summary.inputs[i].str(true), "", "", "");
  for (const SummaryRow& row : summary.rows)
    line(row.layer, row.module, row.output.rank() ? row.output.str(true) : "", std::to_string(row.parameters),
         short_number(row.flops), std::to_string(row.activation_bytes));
  line("total", "", "", std::to_string(summary.parameters), short_number(summary.flops),
       std::to_string(summary.activation_bytes));
  if (summary.trainable_parameters != summary.parameters)
    out << counted(summary.parameters - summary.trainable_parameters, "parameter is", "parameters are") << " frozen\n";
  return stream << out.str();
}

}  // namespace sluice
