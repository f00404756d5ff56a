#pragma once

#include <sluice/core/graph.h>

namespace sluice {

/// y[n,c] = mean over h, w of x[n,c,h,w].
///
/// x: [N,C,H,W], sample. Returns [N,C]. Linear in x. Gradient: global_avg_pool2d_grad.
/// Source: Lin, Chen and Yan, "Network In Network", ICLR 2014, section 3.2.
/// Throws ShapeError when x is not [N,C,H,W].
Var global_avg_pool2d(Var x);

/// dx[n,c,h,w] = dy[n,c] / (height · width).
///
/// dy: [N,C], sample. Returns [N,C,height,width]. Linear in dy. Throws ShapeError when dy is not [N,C].
Var global_avg_pool2d_grad(Var dy, std::int64_t height, std::int64_t width);

}  // namespace sluice
