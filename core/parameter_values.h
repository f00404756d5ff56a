#pragma once

#include <string>

#include <sluice/core/graph.h>

namespace sluice {

/// Whether the parameter has a value: it was made from a tensor, or initialize() or Parameter::write() was called.
/// Until then it contains zeros that do not count as a value.
bool has_value(const ParameterData& parameter);

/// "'features.0.weight' f32[64,3,3,3]"; without the name if no model has named it.
std::string description(const ParameterData& parameter);

/// Throws UsageError, which begins with `what` and names the parameter, when it has no value.
void check_value(const ParameterData& parameter, const std::string& what);
/// The same for every parameter that `graph` reads.
void check_values(const Graph& graph, const std::string& what);

}  // namespace sluice
