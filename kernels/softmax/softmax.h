#pragma once

#include <sluice/core/graph.h>

namespace sluice {

/// y[n,c,p] = exp(x[n,c,p]) / Σ_k exp(x[n,k,p]): over the channels of each position; no overflow.
///
/// x: [N,C] or [N,C,...], sample, floating. Returns the same; may overwrite x.
/// Gradient: softmax_grad(y, dy), from the output, so x is not saved for backward. A position with an infinite maximum
/// or a NaN becomes NaN. For a loss on probabilities, cross_entropy on logits is cheaper and keeps more digits. Throws
/// ShapeError when x is no floating sample value with a channel dimension.
Var softmax(Var x);

/// dx[n,c,p] = y[n,c,p] · (dy[n,c,p] − Σ_k dy[n,k,p] · y[n,k,p]): the gradient of softmax, from its output y.
///
/// y, dy: equal, as softmax returns. Returns the same; may overwrite dy or y. Linear in dy; no second derivative by y.
/// Throws ShapeError when they differ or have no channels.
Var softmax_grad(Var y, Var dy);

}  // namespace sluice
