#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sluice/core/graph.h>

namespace sluice {

using Scalars = std::vector<std::pair<std::string, double>>;
/// Of the scalars that an optimizer has to set before a step of this graph.
std::set<std::string> scalar_names(const Graph& graph);
/// Before a step: `given` has all of `needed`, and each number is finite in f32 too. Throws NumericError naming the
/// scalar and the step.
void check_scalars(const std::set<std::string>& needed, const Scalars& given, std::int64_t step);

}  // namespace sluice
