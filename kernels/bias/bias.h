#pragma once

#include <sluice/core/graph.h>

namespace sluice {

/// y[n,c,...] = x[n,c,...] + b[c]: one number per channel.
///
/// x: [N,C,...], sample; b: [C], batch. Returns [N,C,...]; may overwrite x.
/// Gradients: dx = dy; db = bias_grad(dy).
/// Throws ShapeError when x has no channels or b is not [C].
Var bias(Var x, Var b);

/// db[c] = Σ dy[n,c,...] over all samples of the logical batch and all positions: the gradient of bias by b.
///
/// dy: [N,C,...], sample. Returns [C], batch; each micro-batch adds its part. Linear in dy.
/// Throws ShapeError when dy has no channels.
Var bias_grad(Var dy);

}  // namespace sluice
