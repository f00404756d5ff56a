#include <sluice/mbp/run/scalars.h>

#include <cmath>
#include <limits>

#include <sluice/core/error.h>
#include <sluice/core/text.h>

namespace sluice {

std::set<std::string> scalar_names(const Graph& graph) {
  std::set<std::string> names;
  for (ValueId v = 0; v < graph.values(); ++v)
    if (const Value& value = graph.value(v);
        value.is_leaf() && value.leaf.kind == LeafKind::scalar && value.leaf.name != sample_count_name)
      names.insert(value.leaf.name);
  return names;
}

void check_scalars(const std::set<std::string>& needed, const Scalars& given, std::int64_t step) {
  const auto refuse = [&](const std::string& what, const std::string& expected) {
    throw NumericError("trainer: " + what + ", step " + std::to_string(step) + " is not taken; expected " + expected);
  };
  std::set<std::string> missing = needed;
  for (const auto& [name, number] : given) {
    missing.erase(name);
    const std::string scalar = "the optimizer's scalar '" + name + "' is " + number_text(number);
    if (!(std::abs(number) <= std::numeric_limits<float>::max())) refuse(scalar, "a finite number that f32 can hold");
  }
  if (!missing.empty())
    refuse("nobody sets the scalar '" + *missing.begin() + "'",
           "Optimizer::scalars() to give every scalar of the step");
}

}  // namespace sluice
