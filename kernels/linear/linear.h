#pragma once

#include <sluice/core/graph.h>

namespace sluice {

/// y[n,o] = b[o] + Σ_f w[o,f] · x[n,f].
///
/// x: [N,F], sample; w: [O,F], batch; b: [O], batch. Returns [N,O].
/// Gradients: dx = linear_grad_input(dy, w); dw = linear_grad_weight(x, dy); db = bias_grad(dy).
/// Throws ShapeError when the features of x, w and b do not agree.
Var linear(Var x, Var w);
Var linear(Var x, Var w, Var b);

/// dx[n,f] = Σ_o w[o,f] · dy[n,o].
///
/// dy: [N,O], sample; w: [O,F], batch. Returns [N,F]. Linear in both.
Var linear_grad_input(Var dy, Var w);

/// dw[o,f] = Σ_n dy[n,o] · x[n,f] over all samples of the logical batch.
///
/// x: [N,F]; dy: [N,O], both sample. Returns [O,F], batch; each micro-batch adds its part. Linear in both.
Var linear_grad_weight(Var x, Var dy);

}  // namespace sluice
