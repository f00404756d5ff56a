#pragma once

#include <span>
#include <vector>

#include <sluice/core/gradient_context.h>

namespace sluice {

/// Adds the gradient of `loss` (a batch scalar) with respect to each of `wrt` to the graph. The gradient is a constant
/// zero if the loss does not depend on the Var. Throws ShapeError if the loss is no batch scalar, or an op on the way
/// is not differentiable.
std::vector<Var> differentiate(Var loss, std::span<const Var> wrt);

}  // namespace sluice
