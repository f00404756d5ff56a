#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// Checks before a step that `given` has each scalar of `declared` (StepGraph::scalars) once, and no other. Throws
/// UsageError naming the scalar, and NumericError for a number that is not finite in f32. Both name the step.
void check_scalars(const std::set<std::string>& declared, const std::vector<std::pair<std::string, double>>& given,
                   std::int64_t step);

}  // namespace sluice
