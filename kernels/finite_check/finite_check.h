#pragma once

#include <span>

#include <sluice/core/graph.h>

namespace sluice {

/// How many elements of `values` are NaN or infinite, in all of them together.
///
/// values: one or more batch values of any shapes, floating. Returns i32[], batch; not differentiable.
/// Throws ShapeError for a sample value or an integer one.
Var finite_check(std::span<const Var> values);

}  // namespace sluice
