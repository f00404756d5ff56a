#pragma once

#include <sluice/core/graph.h>
#include <sluice/core/size2d.h>

namespace sluice {

/// Each element becomes a rectangle of factor.h rows and factor.w columns: y[n,c,i,j] =
/// x[n,c,⌊i/factor.h⌋,⌊j/factor.w⌋].
///
/// x: [N,C,H,W], f32, sample. Returns [N,C,H·factor.h,W·factor.w]; x itself for a factor of 1. Linear in x. Gradient:
/// upsample_nearest2d_grad. Throws ShapeError when x is not [N,C,H,W] or a factor is below 1.
Var upsample_nearest2d(Var x, Size2d factor);

/// dx[n,c,i,j] = Σ of dy over the rectangle that x[n,c,i,j] became.
///
/// dy: [N,C,H·factor.h,W·factor.w], f32, sample. Returns [N,C,H,W]. Linear in dy. Gradient: upsample_nearest2d.
/// Throws ShapeError when rectangles do not tile dy.
Var upsample_nearest2d_grad(Var dy, Size2d factor);

/// What both directions share; kernels read it.
class UpsampleNearest2dOpBase : public Op {
 public:
  explicit UpsampleNearest2dOpBase(Size2d factor) : factor_(factor) {}

  Size2d factor() const { return factor_; }
  std::string options() const override { return "factor=" + factor_.str(); }
  bool linear_in(int) const override { return true; }

 private:
  Size2d factor_;
};

}  // namespace sluice
