#pragma once

#include <sluice/core/graph.h>

namespace sluice {

/// relu(x) = max(x, 0), elementwise; NaN stays NaN.
///
/// x: any shape, any scope, floating. Returns the same shape, scope and dtype; may overwrite x. Done by the kernel that
/// makes x where that one can (a sum, a batch normalisation; Op::with_relu).
/// Gradient: relu_grad(y, dy), from the output, so that x need not be kept.
/// Source: Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", ICML 2010.
/// Throws ShapeError when x is not floating.
Var relu(Var x);

/// dx = dy where y > 0, else 0: the gradient of relu, from its output y. The derivative at 0 is 0.
///
/// y, dy: equal shape and dtype. Returns the same; may overwrite dy. Linear in dy, not differentiable in y.
/// Throws ShapeError when they differ.
Var relu_grad(Var y, Var dy);

}  // namespace sluice
