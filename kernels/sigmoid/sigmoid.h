#pragma once

#include <sluice/core/graph.h>

namespace sluice {

/// sigmoid(x) = 1 / (1 + exp(−x)), elementwise; NaN stays NaN.
///
/// x: any shape, any scope, floating. Returns the same shape, scope and dtype; may overwrite x.
/// Gradient: sigmoid_grad(y, dy), from the output, so x is not saved for backward.
/// Throws ShapeError when x is not floating.
Var sigmoid(Var x);

/// dx = y · (1 − y) · dy: the gradient of sigmoid, from its output y.
///
/// y, dy: equal shape and dtype. Returns the same; may overwrite dy or y. Linear in dy.
/// Throws ShapeError when they differ.
Var sigmoid_grad(Var y, Var dy);

}  // namespace sluice
