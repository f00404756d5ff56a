#pragma once

#include <span>
#include <vector>

#include <sluice/core/gradient_context.h>

namespace sluice {

/// Adds the gradient of `loss` (a batch scalar) by each of `wrt` to the graph. A Var the loss does not depend on gets a
/// constant zero. Throws ShapeError when the loss is no batch scalar, or an op on the way is not differentiable.
std::vector<Var> differentiate(Var loss, std::span<const Var> wrt);

}  // namespace sluice
