#pragma once

#include <sluice/core/graph.h>

namespace sluice {

/// relu(x) = max(x, 0), elementwise; NaN stays NaN.
///
/// x: any shape, any scope, floating. Returns the same shape, scope and dtype; may overwrite x.
/// Gradient: relu_grad(mask, dy). The mask is the op's second output, so neither x nor y is saved for backward.
/// Source: Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", ICML 2010.
/// Throws ShapeError when x is not floating.
Var relu(Var x);

/// dx = dy where the bit of mask is set, else 0: the gradient of relu. The derivative at 0 is 0, of NaN 1.
///
/// mask: bit, dy: floating; equal shapes. Returns what dy is; may overwrite dy. Linear in dy, not differentiable in
/// mask. Throws ShapeError when they do not fit.
Var relu_grad(Var mask, Var dy);

/// What relu_grad reads: of every element of `y`, the result of a relu, whether it is above 0, or NaN. The second
/// output of ops that end in a relu; lies as y does.
ValueSpec relu_mask(const ValueSpec& y);

}  // namespace sluice
