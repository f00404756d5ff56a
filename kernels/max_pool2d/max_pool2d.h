#pragma once

#include <sluice/core/graph.h>
#include <sluice/kernels/shared/pool_window.h>

namespace sluice {

/// The window; padding is never the maximum.
using MaxPool2dOptions = PoolWindow;

/// y[n,c,i,j] = the largest x[n,c,p,q] of the window at row i·stride.h − padding.h, column j·stride.w − padding.w.
///
/// x: [N,C,H,W], sample. Returns [N,C,H',W'] with H' = ⌊(H + 2·padding − kernel) / stride⌋ + 1, W' alike.
/// A window with a NaN gives NaN, one of nothing but −infinity −infinity. Gradient: dy goes to the maximum, of several
/// equal ones to the first in row-major order, of several NaNs to the last. Its position is saved for backward as
/// one byte per window (four for windows of more than 255 elements), instead of x or y. Throws ShapeError if a window
/// does not fit, or padding is more than half a window (it could hold nothing else).
Var max_pool2d(Var x, const MaxPool2dOptions& options);

}  // namespace sluice
