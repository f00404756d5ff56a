#pragma once

#include <string>

#include <sluice/core/graph.h>

namespace sluice {

/// Whether the parameter was given a value: by whoever made it from a tensor, by initialize(), or by
/// Parameter::write(). Until then it holds zeros that nobody chose.
bool has_value(const ParameterData& parameter);

/// "'features.0.weight' f32[64,3,3,3]"; without the name where no model has given it one.
std::string description(const ParameterData& parameter);

/// Throws UsageError, which begins with `what` and names the parameter, when it has no value.
void check_value(const ParameterData& parameter, const std::string& what);
/// The same for every parameter that `graph` reads.
void check_values(const Graph& graph, const std::string& what);

}  // namespace sluice
