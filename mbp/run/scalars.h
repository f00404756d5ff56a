#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// Before a step: `given` has each scalar of `declared` (StepGraph::scalars) once and no other. Throws UsageError that
/// names the scalar, and NumericError for a number that is not finite in f32; both name the step.
void check_scalars(const std::set<std::string>& declared, const std::vector<std::pair<std::string, double>>& given,
                   std::int64_t step);

}  // namespace sluice
