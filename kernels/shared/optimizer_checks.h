#pragma once

#include <span>
#include <string_view>
#include <vector>

#include <sluice/core/op.h>

namespace sluice {

/// Checks the inputs of an optimizer op: `groups` lists of `parameters` batch values (parameters, gradients, state)
/// with shapes that agree across the lists, then `scalars` batch scalars; all f32. Throws ShapeError naming the first
/// that does not fit.
void check_optimizer_inputs(const Op& op, int groups, int parameters, int scalars, std::span<const ValueSpec> inputs);

/// The inputs that an optimizer op writes: its parameters and its state; the gradients (group 1) where it clears them.
std::vector<int> optimizer_mutates(int groups, int parameters, bool clear_gradients);
/// The inputs that it leaves at zero: its gradients, or none.
std::vector<int> optimizer_clears(int parameters, bool clear_gradients);

}  // namespace sluice
