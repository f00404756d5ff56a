#pragma once

#include <sluice/core/graph.h>
#include <sluice/kernels/conv2d/conv2d_options.h>

namespace sluice {

/// Cross-correlation of each sample with a bank of kernels:
/// y[n,o,i,j] = b[o] + Σ_{c,p,q} w[o,c,p,q] · x[n, group(o)·C/groups + c, i·stride.h − padding.h + p·dilation.h, …].
/// x: [N,C,H,W]; w: [O,C/groups,kh,kw] batch; b: [O] batch; y: [N,O,H',W'] with
/// H' = ⌊(H + 2·padding − dilation·(kh−1) − 1) / stride⌋ + 1. Throws ShapeError when channels, groups or extents do not
/// agree.
Var conv2d(Var x, Var w, const Conv2dOptions& options = {});
Var conv2d(Var x, Var w, Var b, const Conv2dOptions& options = {});

/// conv2d's gradient by x, the transposed convolution of dy: [N,O,H',W'] with w to `x_shape` = [C,H,W] a sample.
Var conv2d_grad_input(Var dy, Var w, const Shape& x_shape, const Conv2dOptions& options = {});

/// conv2d's gradient by w, summed over all samples (accumulates): x and dy to [O,C/groups,kernel.h,kernel.w] batch.
Var conv2d_grad_weight(Var x, Var dy, Size2d kernel, const Conv2dOptions& options = {});

}  // namespace sluice
