#pragma once

#include <sluice/core/graph.h>
#include <sluice/core/size2d.h>

namespace sluice {

/// What the shapes of x and w do not say. All but output_padding are those of the convolution it is the transpose of.
struct ConvTranspose2dOptions {
  Size2d stride = 1;          ///< by how much the extents grow
  Size2d padding = 0;         ///< cut off at both ends
  Size2d output_padding = 0;  ///< rows and columns more at the far end, below the larger of stride and dilation
  Size2d dilation = 1;        ///< distance between the kernel's taps
  std::int64_t groups = 1;

  /// 0 <= output_padding < max(stride, dilation), in both directions. For a stride and a dilation of at least 1.
  bool output_padding_in_range() const;
  std::string str() const;
};

/// The transpose of conv2d, each x[n,i] adding a multiple of its kernel to the result:
/// y[n,o,p,q] = b[o] + Σ w[i,o',r,s] · x[n,i,j,k] over p = j·stride.h − padding.h + r·dilation.h, q alike, and the
/// channels i of o's group; <conv_transpose2d(x,w), z> = <x, conv2d(z,w)> without a bias.
///
/// x: [N,C,H,W]; w: [C,O/groups,kh,kw] batch; b: [O] batch; y: [N,O,H',W'] with
/// H' = (H − 1)·stride − 2·padding + dilation·(kh−1) + output_padding + 1. It is conv2d_grad_input, of x with zeros
/// behind it (pad2d) where output_padding is not below stride, and has no kernels of its own. Throws ShapeError when
/// channels, groups or options do not agree. Source: Zeiler, Krishnan, Taylor and Fergus, "Deconvolutional Networks",
/// CVPR 2010; Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv 1603.07285, chapter 4.
Var conv_transpose2d(Var x, Var w, const ConvTranspose2dOptions& options = {});
Var conv_transpose2d(Var x, Var w, Var b, const ConvTranspose2dOptions& options = {});

}  // namespace sluice
