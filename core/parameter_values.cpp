#include <sluice/core/parameter_values.h>

namespace sluice {

bool has_value(const ParameterData& parameter) { return parameter.initialized || !parameter.initializer; }

std::string description(const ParameterData& parameter) {
  const std::string type = std::string(name(parameter.value.dtype())) + parameter.value.shape().str();
  return parameter.name.empty() ? type : "'" + parameter.name + "' " + type;
}

void check_value(const ParameterData& parameter, const std::string& what) {
  if (!has_value(parameter))
    throw UsageError(what + ": the model is not initialised; got no value for parameter " + description(parameter) +
                     "; expected values by initialize() of its model, by training it, or by Parameter::write()");
}

void check_values(const Graph& graph, const std::string& what) {
  for (ValueId v = 0; v < graph.values(); ++v)
    if (const Leaf& leaf = graph.value(v).leaf; leaf.kind == LeafKind::parameter) check_value(*leaf.parameter, what);
}

}  // namespace sluice
