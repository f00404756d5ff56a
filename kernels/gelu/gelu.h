#pragma once

#include <sluice/core/graph.h>

namespace sluice {

/// gelu(x) = x · Φ(x), Φ the distribution function of the standard normal, elementwise; exact (erf), not the tanh
/// approximation. NaN stays NaN; −∞ gives NaN (−∞ · 0).
///
/// x: any shape, any scope, floating. Returns the same shape, scope and dtype; may overwrite x where no gradient needs
/// it. Gradient: gelu_grad(x, dy); x is saved for backward, because gelu is not monotonic, so y does not determine x.
/// Source: Hendrycks and Gimpel, "Gaussian Error Linear Units (GELUs)", arXiv 1606.08415, 2016.
/// Throws ShapeError when x is not floating.
Var gelu(Var x);

/// dx = dy · (Φ(x) + x · φ(x)), φ the density of the standard normal: the gradient of gelu, from its input x.
///
/// x, dy: equal shape and dtype, floating. Returns the same; may overwrite dy or x. Linear in dy; no second derivative
/// by x. Throws ShapeError when they differ or are not floating.
Var gelu_grad(Var x, Var dy);

}  // namespace sluice
